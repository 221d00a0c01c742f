//! Some thousand cases of each probe, always the same ones. `cargo xtask fuzz` tries millions of others.

use probes::mutate::case;
use probes::{ALL, Probe};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// What a long run found once.
fn found(probe: &Probe) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("found").join(probe.name);
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

fn holds(probe: &Probe) {
    let seeds = (probe.seeds)();
    for seed in &seeds {
        (probe.run)(seed);
    }
    for found in found(probe) {
        (probe.run)(&found);
    }
    for number in 0..probe.short {
        let bytes = case(probe, &seeds, number);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (probe.run)(&bytes))) {
            eprintln!("probe {}, case {number}: {:?}", probe.name, String::from_utf8_lossy(&bytes));
            std::panic::resume_unwind(panic);
        }
    }
}

macro_rules! probes {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(#[test]
        fn $name() {
            holds(probes::find(stringify!($name)).expect("a probe of this name"));
        })*
    };
}

probes!(link query message script condition article records import graph wire events);

#[test]
fn every_probe_has_its_test_and_its_fuzz_target() {
    assert_eq!(ALL.iter().map(|probe| probe.name).collect::<Vec<_>>(), NAMES);
    let targets = include_str!("../../fuzz/Cargo.toml");
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).join("found");
    for folder in std::fs::read_dir(folders).expect("probes/found") {
        let name = folder.unwrap().file_name().into_string().unwrap();
        let cases = probes::find(&name).map(found);
        assert!(cases.is_some_and(|cases| !cases.is_empty()), "no probe runs probes/found/{name}");
    }
    for name in NAMES {
        assert!(targets.contains(&format!("name = \"{name}\"")), "fuzz/Cargo.toml lacks {name}");
    }
}

#[test]
fn a_number_makes_the_same_case_every_time() {
    for probe in ALL {
        let seeds = (probe.seeds)();
        assert!((0..50).all(|n| case(probe, &seeds, n) == case(probe, &seeds, n)));
        assert!((0..50).any(|n| case(probe, &seeds, n) != case(probe, &seeds, n + 50)));
    }
}
