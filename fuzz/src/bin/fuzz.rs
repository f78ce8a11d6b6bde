//! The program that libFuzzer drives: the target that `PORTCULLIS_FUZZ_TARGET` names.
#![no_main]

use std::sync::LazyLock;

use portcullis_fuzz::{TARGET_VARIABLE, Target};

static TARGET: LazyLock<Option<Target>> = LazyLock::new(|| {
    let name = std::env::var(TARGET_VARIABLE).ok()?;
    Target::ALL.into_iter().find(|target| target.name() == name)
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // A name that is wrong would fuzz nothing for a long time.
    assert!(TARGET.is_some(), "{TARGET_VARIABLE} names no target");
    if let Some(target) = *TARGET {
        target.run(data);
    }
});
