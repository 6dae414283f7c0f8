//! Who is believed about the visitors behind it: `proxies` of `site.toml`, and what a proxy says.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Proxies, by their addresses.
#[derive(Clone, Debug, Default)]
pub struct Proxies(pub Vec<Network>);

impl Proxies {
    /// Whether one of them is at that address.
    pub fn has(&self, peer: IpAddr) -> bool {
        self.0.iter().any(|network| network.has(peer))
    }
}

/// One address, or all that begin with the same bits: `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// With nothing behind its bits.
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// IPv4 within IPv6 is the same as by itself.
    fn has(self, address: IpAddr) -> bool {
        Network::new(address.to_canonical(), self.bits) == Some(self)
    }

    /// None if an address of this kind has fewer bits.
    fn new(address: IpAddr, bits: u32) -> Option<Network> {
        let address = match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32_u32.checked_sub(bits)?);
                IpAddr::V4((address.to_bits() & mask.unwrap_or(0)).into())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128_u32.checked_sub(bits)?);
                IpAddr::V6((address.to_bits() & mask.unwrap_or(0)).into())
            }
        };
        Some(Network { address, bits })
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Network, ()> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().map_err(drop)?)),
            None => (text, None),
        };
        let given: IpAddr = address.parse().map_err(drop)?;
        let address = given.to_canonical();
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => all,
            // Of `::ffff:10.0.0.0/104` the first 96 bits say that it is IPv4.
            Some(bits) if given != address => u32::checked_sub(bits, 96).ok_or(())?,
            Some(bits) => bits,
        };
        Network::new(address, bits).ok_or(())
    }
}

/// An address as `X-Forwarded-For` has it: with a port or without, IPv6 in brackets or not. None for what is no
/// address, such as `unknown`.
pub fn forwarded(entry: &str) -> Option<IpAddr> {
    let bare = entry
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let with_port = || entry.parse::<SocketAddr>().map(|address| address.ip());
    let address = bare
        .unwrap_or(entry)
        .parse::<IpAddr>()
        .or_else(|_| with_port());
    Some(address.ok()?.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(network: &str, inside: &[&str], outside: &[&str]) {
        let proxies = Proxies(vec![network.parse().unwrap()]);
        let has = |address: &&str| proxies.has(address.parse().unwrap());
        assert!(inside.iter().all(has), "{network}");
        assert!(!outside.iter().any(has), "{network}");
    }

    #[test]
    fn addresses_are_compared_as_addresses() {
        check(
            "127.0.0.1",
            &["127.0.0.1", "::ffff:127.0.0.1"],
            &["127.0.0.2", "::1"],
        );
        check("::ffff:192.0.2.1", &["192.0.2.1"], &["192.0.2.2"]);
        check("2001:DB8:0:0:0:0:0:1", &["2001:db8::1"], &["2001:db8::2"]);
        check(
            "10.1.2.3/8",
            &["10.255.0.1", "::ffff:10.0.0.1"],
            &["11.0.0.1", "::"],
        );
        check("192.0.2.4/31", &["192.0.2.4", "192.0.2.5"], &["192.0.2.6"]);
        check("0.0.0.0/0", &["192.0.2.1"], &["2001:db8::1"]);
        check(
            "2001:db8::/32",
            &["2001:db8:ffff::1"],
            &["2001:db9::1", "32.1.13.184"],
        );
        check("::ffff:10.0.0.0/104", &["10.9.9.9"], &["11.0.0.1"]);
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for wrong in [
            "",
            "proxy",
            "127.0.0.1:80",
            "127.0.0.1/",
            "127.0.0.1/33",
            "::/129",
            "10.0.0.0/-1",
            "10/8",
            "/8",
            "::ffff:10.0.0.0/95",
            " 127.0.0.1",
        ] {
            assert_eq!(wrong.parse::<Network>(), Err(()), "{wrong:?}");
        }
    }

    #[test]
    fn proxies_name_addresses_in_several_ways() {
        for (entry, address) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:49152", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(forwarded(entry), Some(address.parse().unwrap()), "{entry}");
        }
        for entry in [
            "",
            "unknown",
            "_hidden",
            "192.0.2.1:",
            "192.0.2.1:99999",
            "[192",
            "a.example:80",
        ] {
            assert_eq!(forwarded(entry), None, "{entry}");
        }
    }
}
