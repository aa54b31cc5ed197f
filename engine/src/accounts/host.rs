//! From where somebody may come: hosts of accounts against addresses of clients.
//!
//! A host is an address, a pattern of one (`10.0.%`, `%`), an address with a mask (`10.0.0.0/255.255.0.0`, `10.0.0.0/16`), or
//! `localhost`, which is every address of the machine itself. Other names are nobody's: names are not looked up, as under MySQL's
//! `skip_name_resolve`, but for the one that needs no looking up. Of several that fit, the most specific one counts: without a
//! pattern first, then by how much stands before the first wildcard.

use std::net::{IpAddr, Ipv4Addr};

use crate::like;

/// Whether somebody from an address fits a host.
pub(super) fn fits(host: &str, address: &str) -> bool {
    if host == "localhost" {
        return address == "localhost" || address.parse().is_ok_and(|ip: IpAddr| is_own(ip));
    }
    match host.split_once('/') {
        Some((base, mask)) => within(base, mask, address).unwrap_or(false),
        None => like::matches(host, address),
    }
}

/// Less is more specific.
pub(super) fn specificity(host: &str) -> (bool, std::cmp::Reverse<usize>) {
    let wild = host.find(['%', '_']);
    (wild.is_some(), std::cmp::Reverse(wild.unwrap_or(host.len())))
}

fn is_own(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// `None`: that is no address, or no mask.
fn within(base: &str, mask: &str, address: &str) -> Option<bool> {
    let base: Ipv4Addr = base.parse().ok()?;
    let address: IpAddr = address.parse().ok()?;
    let IpAddr::V4(address) = address.to_canonical() else { return Some(false) };
    let mask = match mask.parse::<u32>() {
        Ok(bits) => u32::MAX.checked_shl(32u32.checked_sub(bits)?).unwrap_or(0),
        Err(_) => u32::from(mask.parse::<Ipv4Addr>().ok()?),
    };
    Some(u32::from(address) & mask == u32::from(base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_fit_addresses() {
        for (host, address, want) in [
            ("%", "10.1.2.3", true),
            ("10.1.%", "10.1.2.3", true),
            ("10.1.%", "10.10.2.3", false),
            ("10.1.2._", "10.1.2.3", true),
            ("localhost", "127.0.0.1", true),
            ("localhost", "::1", true),
            ("localhost", "::ffff:127.0.0.1", true),
            ("localhost", "10.0.0.1", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("10.1.0.0/255.255.0.0", "10.1.200.3", true),
            ("10.1.0.0/255.255.0.0", "10.2.200.3", false),
            ("10.1.0.0/16", "10.1.200.3", true),
            ("10.1.0.0/33", "10.1.200.3", false),
            ("0.0.0.0/0", "10.1.200.3", true),
            ("example.com", "10.1.200.3", false),
        ] {
            assert_eq!(fits(host, address), want, "{host} {address}");
        }
    }

    #[test]
    fn the_most_specific_one_counts() {
        let mut hosts = ["%", "10.%", "10.0.0.1", "10.0.%", "localhost"];
        hosts.sort_by_key(|host| specificity(host));
        assert_eq!(hosts, ["localhost", "10.0.0.1", "10.0.%", "10.%", "%"]);
    }
}
