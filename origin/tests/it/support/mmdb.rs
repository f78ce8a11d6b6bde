//! A database of countries in `MaxMind`'s format, written by hand: a binary tree of address bits,
//! whose leaves point at entries.

use std::path::PathBuf;

use ipnet::IpNet;

/// A record that leads nowhere.
const NOWHERE: u32 = u32::MAX;
/// Added to what points at an entry, until the number of nodes is known.
const ENTRY: u32 = 1 << 31;

/// A file, gone with it.
#[derive(Debug)]
pub(crate) struct CountryFile {
    pub(crate) path: PathBuf,
}

impl CountryFile {
    /// A file of these networks, each with the code of its country.
    pub(crate) fn write(name: &str, networks: &[(&str, &str)]) -> Self {
        let mut nodes = vec![[NOWHERE; 2]];
        let mut data = Vec::new();
        for (network, code) in networks {
            let offset = u32::try_from(data.len()).unwrap();
            data.extend(map(&[("country", map(&[("iso_code", text(code))]))]));
            insert(&mut nodes, network.parse().unwrap(), ENTRY | offset);
        }
        let count = u32::try_from(nodes.len()).unwrap();
        let mut file: Vec<u8> = nodes
            .as_flattened()
            .iter()
            .map(|&record| match record {
                NOWHERE => count,
                entry if entry & ENTRY != 0 => count + 16 + (entry & !ENTRY),
                node => node,
            })
            .flat_map(u32::to_be_bytes)
            .collect();
        file.extend([0; 16]);
        file.extend(data);
        file.extend(b"\xab\xcd\xefMaxMind.com");
        file.extend(map(&[
            ("binary_format_major_version", number(5, 2)),
            ("binary_format_minor_version", number(5, 0)),
            ("build_epoch", number(9, 1_767_225_600)),
            ("database_type", text("Test-Country")),
            ("description", map(&[])),
            ("ip_version", number(5, 6)),
            ("languages", vec![0, 4]),
            ("node_count", number(6, count)),
            ("record_size", number(5, 32)),
        ]));
        let name = format!("portcullis_{name}_{}.mmdb", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, file).unwrap();
        Self { path }
    }
}

impl Drop for CountryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// IPv4 addresses are the last 32 of 128 bits.
fn insert(nodes: &mut Vec<[u32; 2]>, network: IpNet, entry: u32) {
    let (bits, length) = match network {
        IpNet::V4(net) => (u128::from(net.network().to_bits()), 96 + net.prefix_len()),
        IpNet::V6(net) => (net.network().to_bits(), net.prefix_len()),
    };
    let mut node = 0;
    for depth in 0..length {
        let side = usize::try_from(bits >> (127 - depth) & 1).unwrap();
        if depth + 1 == length {
            nodes[node][side] = entry;
        } else {
            if nodes[node][side] == NOWHERE {
                nodes[node][side] = u32::try_from(nodes.len()).unwrap();
                nodes.push([NOWHERE; 2]);
            }
            node = usize::try_from(nodes[node][side]).unwrap();
        }
    }
}

fn text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    assert!(length < 29, "longer texts have another form");
    [&[2 << 5 | length], text.as_bytes()].concat()
}

/// An unsigned number of one of the format's types: 5 has 16 bits, 6 has 32, 9 has 64.
fn number(kind: u8, number: u32) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let used = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    let size = u8::try_from(used.len()).unwrap();
    let head = if kind < 8 {
        vec![kind << 5 | size]
    } else {
        vec![size, kind - 7]
    };
    [head, used.to_vec()].concat()
}

fn map(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let head = 7 << 5 | u8::try_from(members.len()).unwrap();
    let members = members
        .iter()
        .map(|(name, value)| [text(name), value.clone()].concat());
    [vec![head], members.collect::<Vec<_>>().concat()].concat()
}
