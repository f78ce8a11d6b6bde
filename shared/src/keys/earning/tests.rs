use crate::keys::SigningKey;

use super::*;

const MESSAGE: &[u8] = b"message";

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32]).unwrap()
}

/// The set of these keys, the first one named `0`, and so on.
fn set(numbers: &[u8]) -> KeySet {
    let named = numbers.iter().enumerate().map(|(name, number)| {
        VerifyingKey::new(
            name.to_string().parse().unwrap(),
            &key(*number).public_bytes(),
        )
        .unwrap()
    });
    KeySet::new(named.collect()).unwrap()
}

fn verify(keys: &KeySet, name: &str, number: u8, times: u32) {
    let signature = key(number).sign(MESSAGE);
    let found = keys.get(&name.parse().unwrap()).unwrap();
    assert!((0..times).all(|_| found.verify(MESSAGE, &signature)));
}

/// Builds what is due; tells whether something was.
fn build(keys: &mut KeySet) -> bool {
    let order = keys.awaits_tables();
    let due = order.is_some();
    if let Some(order) = order {
        keys.give_tables(order.prepare().build());
    }
    due
}

fn has_tables(keys: &KeySet, name: &str) -> bool {
    keys.get(&name.parse().unwrap()).unwrap().tables.is_some()
}

#[test]
fn a_key_earns_tables_with_its_sixty_fourth_good_signature() {
    let mut keys = set(&[1, 2]);
    verify(&keys, "0", 1, 63);
    let first = keys.get(&"0".parse().unwrap()).unwrap();
    let foreign = key(2).sign(MESSAGE);
    assert!((0..200).all(|_| !first.verify(MESSAGE, &foreign)));
    assert!(!build(&mut keys));
    verify(&keys, "0", 1, 1);
    assert!(build(&mut keys));
    assert!(has_tables(&keys, "0") && !has_tables(&keys, "1"));
    verify(&keys, "0", 1, 500);
    assert!(!build(&mut keys));
}

#[test]
fn a_key_with_tables_goes_on_to_tell_good_signatures_from_bad_ones() {
    let mut keys = set(&[1]);
    verify(&keys, "0", 1, 64);
    assert!(build(&mut keys));
    verify(&keys, "0", 1, 1);
    let first = keys.get(&"0".parse().unwrap()).unwrap();
    assert!(!first.verify(b"another", &key(1).sign(MESSAGE)));
    assert!(!first.verify(MESSAGE, &key(2).sign(MESSAGE)));
}

#[test]
fn the_multiples_of_the_base_point_are_shared() {
    let mut keys = set(&[1, 2]);
    for (name, number) in [("0", 1), ("1", 2)] {
        verify(&keys, name, number, 64);
        assert!(build(&mut keys));
    }
    let [first, second] = keys.keys.as_slice() else {
        panic!("two keys");
    };
    let base = |key: &VerifyingKey| Arc::clone(key.tables.as_ref().unwrap().base());
    assert!(Arc::ptr_eq(&base(first), &base(second)));
}

#[test]
fn tables_follow_the_bytes_of_a_key_through_a_change_of_the_set() {
    let mut former = set(&[1, 2]);
    verify(&former, "0", 1, 64);
    assert!(build(&mut former));
    let tables = Arc::downgrade(former.keys[0].tables.as_ref().unwrap());

    // The key is called `1` now, and another one has its former name.
    let mut renamed = set(&[3, 1]);
    renamed.inherit(&former);
    drop(former);
    assert!(!has_tables(&renamed, "0") && has_tables(&renamed, "1"));
    verify(&renamed, "1", 1, 1);
    verify(&renamed, "0", 3, 1);

    // It has left: its tables are given back.
    let mut without = set(&[3]);
    without.inherit(&renamed);
    drop(renamed);
    assert_eq!(without.with_tables(), 0);
    assert!(tables.upgrade().is_none());
}

#[test]
fn what_a_key_has_verified_counts_on_in_the_next_set() {
    let former = set(&[1]);
    verify(&former, "0", 1, 40);
    let mut next = set(&[2, 1]);
    next.inherit(&former);
    verify(&next, "1", 1, 23);
    assert!(next.awaits_tables().is_none());
    verify(&next, "1", 1, 1);
    assert!(next.awaits_tables().is_some());
}

#[test]
fn tables_of_a_key_that_has_left_meanwhile_are_dropped() {
    let keys = set(&[1]);
    verify(&keys, "0", 1, 64);
    let tables = keys.awaits_tables().unwrap().build();
    let mut next = set(&[2]);
    next.inherit(&keys);
    next.give_tables(tables);
    assert_eq!(next.with_tables(), 0);
}

#[test]
fn four_keys_have_tables_and_a_fifth_takes_them_from_the_least_used_one() {
    let mut keys = set(&[1, 2, 3, 4, 5]);
    for (name, number) in [("0", 1), ("1", 2), ("2", 3), ("3", 4)] {
        verify(&keys, name, number, 64);
        assert!(build(&mut keys));
    }
    assert_eq!(keys.with_tables(), MOST);
    for (name, number, times) in [("0", 1, 90), ("1", 2, 40), ("2", 3, 90), ("3", 4, 90)] {
        verify(&keys, name, number, times);
    }
    verify(&keys, "4", 5, 79);
    assert!(!build(&mut keys), "not twice as much as another one");
    verify(&keys, "4", 5, 1);
    assert!(build(&mut keys));
    assert_eq!(keys.with_tables(), MOST);
    assert!(has_tables(&keys, "4") && !has_tables(&keys, "1"));
}

#[test]
fn five_keys_that_verify_alike_do_not_take_tables_from_each_other() {
    let mut keys = set(&[1, 2, 3, 4, 5]);
    let mut built = 0;
    for _ in 0..400 {
        for (name, number) in [("0", 1), ("1", 2), ("2", 3), ("3", 4), ("4", 5)] {
            verify(&keys, name, number, 1);
        }
        built += u32::from(build(&mut keys));
    }
    assert_eq!(built, 4);
}
