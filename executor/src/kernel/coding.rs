//! Bytes in another form: base 64, compressed, encrypted.
//!
//! Encryption is AES on single blocks, here chained by hand in the four ways that `block_encryption_mode` knows: that is a
//! few lines for each, and MySQL's way to make a key of any text (its bytes are combined, one length of the key after the
//! other) has to be written anyway.

use std::io::{Read, Write};

use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use allod_planner::expr::{BlockMode, Chain, Coding};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use super::function::{Failure, Outcome, build_bytes, bytes};
use super::string::{BYTES_MAX, build};
use super::value::{Column, Value};
use super::volatile::Sequence;
use crate::error::Error;

/// Characters of a line of TO_BASE64.
const LINE: usize = 76;

/// Bytes of a block of AES.
const BLOCK: usize = 16;

/// Evaluates a coding.
pub(crate) fn apply(coding: Coding, args: &[Value], rows: usize) -> Outcome {
    match coding {
        Coding::AesEncrypt(mode) => return aes(mode, true, args, rows),
        Coding::AesDecrypt(mode) => return aes(mode, false, args, rows),
        Coding::Encode | Coding::Decode => return scramble(coding == Coding::Encode, args, rows),
        Coding::ToBase64
        | Coding::FromBase64
        | Coding::Compress
        | Coding::Uncompress
        | Coding::UncompressedLength => {}
    }
    let data = bytes(&args[0], rows)?;
    Ok(match coding {
        Coding::ToBase64 => build(rows, |row, out| {
            let text = BASE64_STANDARD.encode(data.get(row)?);
            for (i, line) in text.as_bytes().chunks(LINE).enumerate() {
                if i > 0 {
                    out.push('\n');
                }
                out.push_str(std::str::from_utf8(line).ok()?);
            }
            Some(())
        }),
        Coding::FromBase64 => build_bytes(rows, |row| {
            let text: Vec<u8> = data
                .get(row)?
                .iter()
                .copied()
                .filter(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
                .collect();
            BASE64_STANDARD.decode(text).ok()
        }),
        Coding::Compress => build_bytes(rows, |row| compress(data.get(row)?)),
        Coding::Uncompress => build_bytes(rows, |row| uncompress(data.get(row)?)),
        _ => Value::Int(Column::from_options(
            (0..rows).map(|row| Some(data.get(row).map(uncompressed_length)? as i64)),
        )),
    })
}

/// ENCODE and DECODE.
fn scramble(encode: bool, args: &[Value], rows: usize) -> Outcome {
    let (data, password) = (bytes(&args[0], rows)?, bytes(&args[1], rows)?);
    Ok(build_bytes(rows, |row| Some(scrambled(encode, data.get(row)?, password.get(row)?))))
}

/// MySQL's old cipher: bytes by a table that the password shuffles, and by what came before.
fn scrambled(encode: bool, data: &[u8], password: &[u8]) -> Vec<u8> {
    let (mut first, mut second, mut add) = (1_345_345_333u32, 0x1234_5671u32, 7u32);
    for byte in password.iter().filter(|b| !matches!(b, b' ' | b'\t')) {
        let byte = u32::from(*byte);
        first ^= ((first & 63).wrapping_add(add)).wrapping_mul(byte).wrapping_add(first << 8);
        second = second.wrapping_add((second << 8) ^ first);
        add = add.wrapping_add(byte);
    }
    let mut sequence = Sequence::of(first & 0x7fff_ffff, second & 0x7fff_ffff);
    let mut draw = || (sequence.next() * 255.0) as u8;
    let mut back: [u8; 256] = std::array::from_fn(|i| i as u8);
    for i in 0..back.len() {
        back.swap(i, usize::from(draw()));
    }
    let mut forth = [0u8; 256];
    for (i, byte) in back.iter().enumerate() {
        forth[usize::from(*byte)] = i as u8;
    }
    let mut shift = 0;
    data.iter()
        .map(|byte| {
            shift ^= draw();
            let (plain, out) = if encode {
                (*byte, forth[usize::from(*byte)] ^ shift)
            } else {
                let plain = back[usize::from(*byte ^ shift)];
                (plain, plain)
            };
            shift ^= plain;
            out
        })
        .collect()
}

/// The length, and a zlib stream that does not end in a blank, which CHAR columns would lose.
fn compress(data: &[u8]) -> Option<Vec<u8>> {
    if data.is_empty() {
        return Some(Vec::new());
    }
    let mut encoder =
        ZlibEncoder::new(u32::try_from(data.len()).ok()?.to_le_bytes().to_vec(), Compression::default());
    encoder.write_all(data).ok()?;
    let mut out = encoder.finish().ok()?;
    if out.last() == Some(&b' ') {
        out.push(b'.');
    }
    Some(out)
}

/// The length that compressed bytes say they have; nothing is 0.
fn uncompressed_length(data: &[u8]) -> u32 {
    // The two highest bits are kept for other uses.
    data.first_chunk().map_or(0, |length| u32::from_le_bytes(*length) & 0x3fff_ffff)
}

fn uncompress(data: &[u8]) -> Option<Vec<u8>> {
    if data.is_empty() {
        return Some(Vec::new());
    }
    let length = uncompressed_length(data) as usize;
    if length > BYTES_MAX {
        return None;
    }
    let mut out = Vec::new();
    // One byte more than there may be, to see whether there is.
    let mut stream = ZlibDecoder::new(data.get(4..)?).take(length as u64 + 1);
    stream.read_to_end(&mut out).ok()?;
    (out.len() <= length).then_some(out)
}

/// AES_ENCRYPT and AES_DECRYPT.
fn aes(mode: BlockMode, encrypt: bool, args: &[Value], rows: usize) -> Outcome {
    let (data, key) = (bytes(&args[0], rows)?, bytes(&args[1], rows)?);
    let vector = match mode.chain {
        Chain::Ecb => None,
        Chain::Cbc | Chain::Ofb | Chain::Cfb => args.get(2).map(|v| bytes(v, rows)).transpose()?,
    };
    let mut short = false;
    let out = build_bytes(rows, |row| {
        let (data, key) = (data.get(row)?, key.get(row)?);
        let vector = match &vector {
            None => [0; BLOCK],
            Some(vector) => match vector.get(row)?.first_chunk() {
                Some(vector) => *vector,
                None => {
                    short = true;
                    return None;
                }
            },
        };
        let cipher = Cipher::new(mode.key_bytes, key);
        if encrypt {
            Some(cipher.encrypt(mode.chain, data, vector))
        } else {
            cipher.decrypt(mode.chain, data, vector)
        }
    });
    if short {
        let function = if encrypt { "aes_encrypt" } else { "aes_decrypt" };
        return Err(Failure::Other(Error::ShortVector { function, bytes: BLOCK }));
    }
    Ok(out)
}

/// A cipher with its key.
enum Cipher {
    Aes128(Aes128),
    Aes192(Aes192),
    Aes256(Aes256),
}

type Block = [u8; BLOCK];

impl Cipher {
    /// A key of any length becomes one of `key_bytes`: what is beyond is combined with what is before.
    fn new(key_bytes: u8, text: &[u8]) -> Cipher {
        let mut key = [0; 32];
        let length = usize::from(key_bytes).min(key.len());
        for (at, byte) in text.iter().enumerate() {
            key[at % length] ^= byte;
        }
        match length {
            16 => Cipher::Aes128(Aes128::new(&Array::try_from(&key[..16]).expect("16 bytes are 16"))),
            24 => Cipher::Aes192(Aes192::new(&Array::try_from(&key[..24]).expect("24 bytes are 24"))),
            _ => Cipher::Aes256(Aes256::new(&Array::from(key))),
        }
    }

    fn forward(&self, block: Block) -> Block {
        let mut block = Array::from(block);
        match self {
            Cipher::Aes128(aes) => aes.encrypt_block(&mut block),
            Cipher::Aes192(aes) => aes.encrypt_block(&mut block),
            Cipher::Aes256(aes) => aes.encrypt_block(&mut block),
        }
        block.into()
    }

    fn backward(&self, block: Block) -> Block {
        let mut block = Array::from(block);
        match self {
            Cipher::Aes128(aes) => aes.decrypt_block(&mut block),
            Cipher::Aes192(aes) => aes.decrypt_block(&mut block),
            Cipher::Aes256(aes) => aes.decrypt_block(&mut block),
        }
        block.into()
    }

    fn encrypt(&self, chain: Chain, data: &[u8], vector: Block) -> Vec<u8> {
        match chain {
            Chain::Ofb | Chain::Cfb => self.stream(chain, data, vector, true),
            Chain::Ecb | Chain::Cbc => {
                // As many bytes are added as are missing to a whole block, at least one, each saying how many.
                let missing = BLOCK - data.len() % BLOCK;
                let mut padded = data.to_vec();
                padded.resize(data.len() + missing, missing as u8);
                let mut before = vector;
                let (blocks, _) = padded.as_chunks::<BLOCK>();
                let mut out = Vec::with_capacity(padded.len());
                for block in blocks {
                    before = match chain {
                        Chain::Cbc => self.forward(xor(*block, &before)),
                        _ => self.forward(*block),
                    };
                    out.extend(before);
                }
                out
            }
        }
    }

    /// None if the padding shows that this was not encrypted with the key.
    fn decrypt(&self, chain: Chain, data: &[u8], vector: Block) -> Option<Vec<u8>> {
        if matches!(chain, Chain::Ofb | Chain::Cfb) {
            return Some(self.stream(chain, data, vector, false));
        }
        let (blocks, []) = data.as_chunks::<BLOCK>() else { return None };
        let mut before = vector;
        let mut out = Vec::with_capacity(data.len());
        for block in blocks {
            let plain = self.backward(*block);
            out.extend(if chain == Chain::Cbc { xor(plain, &before) } else { plain });
            before = *block;
        }
        let missing = usize::from(*out.last()?);
        let kept = out.len().checked_sub(missing).filter(|_| (1..=BLOCK).contains(&missing))?;
        if out[kept..].iter().any(|b| usize::from(*b) != missing) {
            return None;
        }
        out.truncate(kept);
        Some(out)
    }

    /// The modes that combine the data with a stream, in either direction; nothing is padded.
    fn stream(&self, chain: Chain, data: &[u8], vector: Block, encrypt: bool) -> Vec<u8> {
        let mut state = vector;
        let mut out = Vec::with_capacity(data.len());
        for chunk in data.chunks(BLOCK) {
            let key = self.forward(state);
            let coded = xor(key, chunk);
            out.extend(&coded[..chunk.len()]);
            state = match (chain, encrypt) {
                (Chain::Cfb, true) => coded,
                // A chunk that is not whole is the last one.
                (Chain::Cfb, false) => xor([0; BLOCK], chunk),
                _ => key,
            };
        }
        out
    }
}

/// Combines as many bytes as there are.
fn xor(mut block: Block, with: &[u8]) -> Block {
    block.iter_mut().zip(with).for_each(|(a, b)| *a ^= b);
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    fn unhex(digits: &str) -> Vec<u8> {
        digits
            .as_bytes()
            .chunks(2)
            .map(|p| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap())
            .collect()
    }

    /// NIST SP 800-38A, appendix F: the first two blocks of each mode.
    #[test]
    fn ciphers_by_nist() {
        let data = unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
        let vector: Block = unhex("000102030405060708090a0b0c0d0e0f").try_into().unwrap();
        let key128 = unhex("2b7e151628aed2a6abf7158809cf4f3c");
        let key192 = unhex("8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b");
        let key256 = unhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        for (key, chain, want) in [
            (&key128, Chain::Ecb, "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"),
            (&key192, Chain::Ecb, "bd334f1d6e45f25ff712a214571fa5cc974104846d0ad3ad7734ecb3ecee4eef"),
            (&key256, Chain::Ecb, "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870"),
            (&key128, Chain::Cbc, "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"),
            (&key256, Chain::Cbc, "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"),
            (&key128, Chain::Cfb, "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"),
            (&key128, Chain::Ofb, "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed825"),
        ] {
            let cipher = Cipher::new(key.len() as u8, key);
            let coded = cipher.encrypt(chain, &data, vector);
            assert_eq!(hex(&coded[..32]), want, "{chain:?}");
            assert_eq!(coded.len(), if matches!(chain, Chain::Ecb | Chain::Cbc) { 48 } else { 32 });
            assert_eq!(cipher.decrypt(chain, &coded, vector).as_deref(), Some(&data[..]), "{chain:?}");
        }
    }

    #[test]
    fn any_length_comes_back() {
        let vector = [7; BLOCK];
        for chain in [Chain::Ecb, Chain::Cbc, Chain::Ofb, Chain::Cfb] {
            for (key_bytes, key) in
                [(16, &b"key"[..]), (24, b""), (32, b"a key that is longer than thirty-two bytes is")]
            {
                let cipher = Cipher::new(key_bytes, key);
                for length in [0, 1, 15, 16, 17, 40] {
                    let data: Vec<u8> = (0..length).collect();
                    let coded = cipher.encrypt(chain, &data, vector);
                    assert_eq!(cipher.decrypt(chain, &coded, vector), Some(data), "{chain:?} {length}");
                }
            }
        }
        let cipher = Cipher::new(16, b"key");
        assert_eq!(cipher.decrypt(Chain::Ecb, &[1, 2, 3], vector), None);
        assert_eq!(cipher.decrypt(Chain::Ecb, &[0; 16], vector), None);
        assert_eq!(cipher.decrypt(Chain::Ecb, &[], vector), None);
        // AES_ENCRYPT('123', 'foobar') of TiDB's scripts.
        let coded = Cipher::new(16, b"foobar").encrypt(Chain::Ecb, b"123", vector);
        assert_eq!(hex(&coded), "45abdd5c4802efa6771a94c43f805208");
    }

    /// Checked with MariaDB 10.11: HEX(ENCODE('hello world', 'secret')).
    #[test]
    fn the_old_cipher() {
        let coded = scrambled(true, b"hello world", b"secret");
        assert_eq!(hex(&coded), "21ca1627cad4614c7f54f1");
        assert_eq!(scrambled(false, &coded, b"s e c r e t"), b"hello world");
        assert!(scrambled(true, b"", b"secret").is_empty());
    }

    #[test]
    fn compressed_bytes_by_the_manual() {
        for data in [&b""[..], b"123", b"a", &[b'x'; 100_000]] {
            assert_eq!(uncompress(&compress(data).unwrap()).as_deref(), Some(data));
            assert_eq!(uncompressed_length(&compress(data).unwrap()) as usize, data.len());
        }
        assert_eq!(uncompress(&unhex("03000000789c3334320600012d0097")).as_deref(), Some(&b"123"[..]));
        // Says 2 bytes and has 3; says 3 and is none.
        assert_eq!(uncompress(&unhex("02000000789c3334320600012d0097")), None);
        assert_eq!(uncompress(b"12345"), None);
        assert_eq!(uncompress(b"123"), None);
    }
}
