//! Running other programs, with a line that says what is going on and how long it took.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};

/// Prints `label`, does the work, prints the time it took. Errors name the step.
pub fn step<T>(label: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    eprintln!("==> {label}");
    let start = Instant::now();
    let value = work().with_context(|| format!("`{label}` failed"))?;
    eprintln!("    {label}: {:.1} s", start.elapsed().as_secs_f64());
    Ok(value)
}

/// Runs a program to its end with its output on the terminal; anything but success is an error.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("could not start {}", spelled(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", spelled(command));
    }
    Ok(())
}

/// Runs a program and returns what it printed; its complaints go to the terminal.
pub fn output(command: &mut Command) -> anyhow::Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("could not start {}", spelled(command)))?;
    if !output.status.success() {
        bail!("{} ended with {}", spelled(command), output.status);
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{} printed something that is not UTF-8", spelled(command)))
}

/// The cargo that runs us, started in the repository.
pub fn cargo<I, S>(args: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(crate::paths::root()).args(args);
    command
}

fn spelled(command: &Command) -> String {
    let mut text = format!("`{}", command.get_program().to_string_lossy());
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
    }
    text.push('`');
    text
}
