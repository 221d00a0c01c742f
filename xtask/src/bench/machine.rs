//! What the figures were measured on, in the words that a reader needs to compare them.

use std::fs;
use std::process::{Command, Stdio};

/// A machine and its tools.
pub struct Machine {
    processor: String,
    cores: usize,
    system: String,
    tools: Vec<String>,
    commit: String,
}

/// Asks the machine; what it does not say is left out.
pub fn describe() -> Machine {
    let tools: [(&str, &[&str]); 4] = [
        ("rustc", &["--version"]),
        ("node", &["--version"]),
        ("chromium", &["--version"]),
        ("python3", &["--version"]),
    ];
    let named = std::env::var("CHROMIUM").ok();
    let tools = tools.iter().filter_map(|(program, args)| {
        let found = if *program == "chromium" { named.as_deref().unwrap_or(program) } else { program };
        let said = said(found, args)?;
        Some(if *program == "node" { format!("Node {said}") } else { said })
    });
    Machine {
        processor: processor(),
        cores: std::thread::available_parallelism().map_or(1, |cores| cores.get()),
        system: system(),
        tools: tools.collect(),
        commit: said("git", &["rev-parse", "--short", "HEAD"]).unwrap_or_default(),
    }
}

impl Machine {
    /// The top of the report.
    pub fn head(&self) -> String {
        let tools = self.tools.join(", ");
        format!(
            "# Benchmarks\n\n\
             Written by `cargo xtask bench`; a part alone by `cargo xtask bench --only PART`. Everything is measured on \
             one machine, the contestants of a comparison in turns, and what is told is the median of the turns. \
             Milliseconds belong to this machine and this hour; ratios and counts travel further. Figures that do not \
             depend on the machine at all are bounds in the tests.\n\n\
             The last run of a part was on {}, {} cores, {}, with {tools}.",
            self.processor, self.cores, self.system
        )
    }

    /// Under the title of each section, because parts can be measured on different days.
    pub fn line(&self, note: &str) -> String {
        let busy = fs::read_to_string("/proc/loadavg").ok();
        let busy = busy.as_deref().and_then(|text| text.split(' ').next()).unwrap_or("unknown");
        format!(
            "*{}, {} on {} cores, commit {}; {note}, load average at the end {busy}.*\n",
            said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]).unwrap_or_default(),
            self.processor,
            self.cores,
            self.commit
        )
    }
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    // Some virtual machines keep the model to themselves and only say its numbers.
    let model = field("model name").filter(|model| !model.is_empty() && model != "unknown");
    model.unwrap_or_else(|| {
        let numbers = ["vendor_id", "cpu family", "model", "stepping"].map(|name| field(name).unwrap_or_default());
        format!("a processor of {} (family {}, model {}, stepping {})", numbers[0], numbers[1], numbers[2], numbers[3])
    })
}

fn system() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = name.map_or_else(|| std::env::consts::OS.to_owned(), |name| name.trim_matches('"').to_owned());
    match said("uname", &["-r"]) {
        Some(kernel) => format!("{name}, kernel {kernel}"),
        None => name,
    }
}

/// The first line that a program prints.
fn said(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}
