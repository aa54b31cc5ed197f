//! Clients that do what no client should: the server answers or lets that one go, and others go on.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use allod_tests::random::Random;
use allod_tests::raw::{PLAIN, Raw, error_of, login_packet};
use allod_tests::server::{serve, start, start_with, with_password};

const MULTI_STATEMENTS: u32 = 1 << 16;
const LOCAL_FILES: u32 = 1 << 7;

/// A client that is let in and answered, whatever happens to others.
fn is_well(address: SocketAddr) {
    let mut raw = Raw::login(address, PLAIN).expect("is let in");
    assert_eq!(raw.query("set @a = 1").expect("is answered")[0], 0);
}

/// The error before the end of the connection.
fn last_error(raw: &mut Raw) -> u16 {
    let bytes = raw.until_closed().expect("is closed");
    error_of(bytes.get(4..).unwrap_or_default()).expect("is told why").0
}

#[test]
fn packets_that_are_none() {
    let server = start();
    let address = server.address();
    // An empty packet; a command that is cut off; numbers that do not count.
    for (bytes, code) in [
        (&[0, 0, 0, 0][..], 1835),
        (&[3, 0, 0, 0, 23, 1, 0], 1835),
        (&[2, 0, 0, 0, 25, 1], 1835),
        (&[1, 0, 0, 5, 14], 1156),
    ] {
        let mut raw = Raw::login(address, PLAIN).unwrap();
        raw.send_bytes(bytes).unwrap();
        assert_eq!(last_error(&mut raw), code, "{bytes:?}");
        is_well(address);
    }
    // An execution whose values are not there.
    let mut raw = Raw::login(address, PLAIN).unwrap();
    raw.command(b"\x16select ?").unwrap();
    raw.until_eof(2).unwrap();
    let refused = raw.command(&[23, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 253, 0, 200, b'a']).unwrap();
    assert_eq!(error_of(&refused).unwrap().0, 1835);
    // Commands that there are not are answered, and the connection goes on.
    let mut raw = Raw::login(address, PLAIN | MULTI_STATEMENTS).unwrap();
    for command in [0u8, 5, 6, 10, 18, 99, 255] {
        assert_eq!(error_of(&raw.command(&[command, 1, 2, 3]).unwrap()).unwrap().0, 1047, "{command}");
    }
    for (command, code) in [(23u8, 1243), (26, 1243), (28, 1243)] {
        let unknown = [command, 9, 9, 9, 9, 0, 1, 0, 0, 0];
        assert_eq!(error_of(&raw.command(&unknown).unwrap()).unwrap().0, code, "{command}");
    }
    for (sql, code) in
        [(&b"select \xff"[..], 1300), (b"", 1065), (b";;", 1065), (b"select '", 1064), (b"\0", 1064)]
    {
        let packet = raw.command(&[&[3], sql].concat()).unwrap();
        assert_eq!(error_of(&packet).unwrap().0, code, "{sql:?}");
    }
    assert_eq!(raw.query("set @a = 1").unwrap()[0], 0);
}

#[test]
fn packets_that_are_too_long() {
    let database = allod::Database::new();
    database.session().run("set global max_allowed_packet = 1024").unwrap();
    let server = serve(database, Default::default());
    let mut raw = Raw::login(server.address(), PLAIN).unwrap();
    // Told by its header; the rest need not come.
    raw.send_bytes(&[0, 16, 0, 0, 3]).unwrap();
    assert_eq!(last_error(&mut raw), 1153);
    // Before it has logged in a client may not send much, either.
    let mut raw = Raw::connect(server.address()).unwrap();
    raw.packet().unwrap();
    raw.send_bytes(&[0xff, 0xff, 0xff, 1]).unwrap();
    assert_eq!(last_error(&mut raw), 1153);
    is_well(server.address());
}

#[test]
fn garbage_instead_of_a_login() {
    let server = start();
    let address = server.address();
    let mut random = Random::new(7);
    for round in 0..200 {
        let mut raw = Raw::connect(address).unwrap();
        let bytes: Vec<u8> = (0..random.below(80)).map(|_| random.below(256) as u8).collect();
        match round % 4 {
            0 => raw.send_bytes(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap(),
            1 => raw.send_bytes(&bytes).unwrap(),
            // A login that is cut off, or goes on in another way.
            2 => {
                let whole = login_packet(PLAIN);
                raw.packet().unwrap();
                let cut = random.below(whole.len());
                raw.send(&[&whole[..cut], &bytes].concat()).unwrap();
            }
            _ => {}
        }
        // It may have been refused and closed before.
        raw.finish().ok();
        raw.until_closed().expect("is let go");
    }
    is_well(address);
}

#[test]
fn garbage_instead_of_commands() {
    let server = start();
    let address = server.address();
    let mut random = Random::new(11);
    for _ in 0..100 {
        let mut raw = Raw::login(address, PLAIN).unwrap();
        for _ in 0..5 {
            let mut payload: Vec<u8> = (0..random.below(60)).map(|_| random.below(256) as u8).collect();
            if let Some(command) = payload.first_mut() {
                // Those that are answered.
                *command = *random.pick(&[2, 3, 4, 9, 12, 13, 14, 17, 22, 23, 26, 27, 28, 31, 50]);
            }
            if raw.command(&payload).is_err() {
                break;
            }
        }
    }
    is_well(address);
}

#[test]
fn a_client_that_vanishes_in_the_middle_of_a_file() {
    let server = start();
    let address = server.address();
    let mut raw = Raw::login(address, PLAIN | LOCAL_FILES).unwrap();
    raw.query("create table t (id int primary key)").unwrap();
    assert_eq!(raw.query("load data local infile 'x' into table t").unwrap(), b"\xfbx");
    raw.send(b"1\n2\n3\n").unwrap();
    drop(raw);
    let mut raw = Raw::login(address, PLAIN | LOCAL_FILES).unwrap();
    // The table is free again, and empty.
    let begun = Instant::now();
    while raw.query("truncate table t").unwrap()[0] != 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "the table is not free");
    }
    raw.query("load data local infile 'x' into table t").unwrap();
    raw.send(b"1\n2\n").unwrap();
    raw.send(b"").unwrap();
    assert_eq!(raw.packet().unwrap()[..2], [0, 2]);
    // Half a packet, and gone.
    raw.query("load data local infile 'x' into table t").unwrap();
    raw.send_bytes(&[100, 0, 0, 2, b'7']).unwrap();
    drop(raw);
    is_well(address);
}

#[test]
fn a_flood_of_connections_and_of_logins() {
    const FOR: Duration = Duration::from_secs(2);
    let server = start_with(with_password("secret"));
    let address = server.address();
    let others = start();
    let going = AtomicBool::new(true);
    let attempts: u64 = std::thread::scope(|scope| {
        let flood: Vec<_> = (0..4)
            .map(|i| {
                let going = &going;
                scope.spawn(move || {
                    let mut attempts = 0;
                    while going.load(Ordering::Relaxed) {
                        let Ok(mut raw) = Raw::connect(address) else { continue };
                        attempts += 1;
                        // Some only connect; some have no password.
                        if i % 2 == 0 && raw.packet().is_ok() && raw.send(&login_packet(PLAIN)).is_ok() {
                            let refused = raw.packet().expect("is answered");
                            assert_eq!(error_of(&refused).expect("is refused").0, 1045);
                        }
                    }
                    attempts
                })
            })
            .collect();
        let begun = Instant::now();
        while begun.elapsed() < FOR {
            let mut raw = Raw::connect(address).expect("connects");
            raw.packet().expect("is greeted");
            is_well(others.address());
        }
        going.store(false, Ordering::Relaxed);
        flood.into_iter().map(|thread| thread.join().expect("goes on to the end")).sum()
    });
    assert!(attempts > 500, "{attempts} attempts are no flood");
}
