#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (probes::find("message").expect("a probe of this name").run)(bytes));
