//! Command-line words: flags, options with a value, and what is left over.

use std::fmt;

/// The command line was not understood; the message names the word and what would be accepted.
#[derive(Debug)]
pub struct Misuse(pub String);

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misuse {}

/// The words after the command's name. Each accessor takes out what it understands.
pub struct Args {
    words: Vec<String>,
}

impl Args {
    pub fn new(words: Vec<String>) -> Self {
        Self { words }
    }

    /// Whether `--name` was given.
    pub fn flag(&mut self, name: &str) -> bool {
        let before = self.words.len();
        self.words.retain(|word| word != name);
        self.words.len() != before
    }

    /// The value of `--name value` or `--name=value`.
    pub fn option(&mut self, name: &str) -> anyhow::Result<Option<String>> {
        let joined = format!("{name}=");
        if let Some(at) = self.words.iter().position(|word| word.starts_with(&joined)) {
            return Ok(Some(self.words.remove(at)[joined.len()..].to_owned()));
        }
        let Some(at) = self.words.iter().position(|word| word == name) else {
            return Ok(None);
        };
        if at + 1 >= self.words.len() {
            return Err(Misuse(format!("{name} expects a value after it")).into());
        }
        self.words.remove(at);
        Ok(Some(self.words.remove(at)))
    }

    /// The next word that is no flag.
    pub fn word(&mut self) -> Option<String> {
        let at = self.words.iter().position(|word| !word.starts_with('-'))?;
        Some(self.words.remove(at))
    }

    /// Everything that is left, for the program that is started with it.
    pub fn rest(&mut self) -> Vec<String> {
        std::mem::take(&mut self.words)
    }

    /// Fails if a word is left that nobody asked for.
    pub fn finish(&self) -> anyhow::Result<()> {
        match self.words.first() {
            None => Ok(()),
            Some(word) => Err(Misuse(format!("`{word}` was not understood")).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Args {
        Args::new(words.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn takes_flags_and_both_spellings_of_an_option() {
        let mut args = args(&["--dist", "--port", "81", "--prefix=/a/"]);
        assert!(args.flag("--dist"));
        assert_eq!(args.option("--port").unwrap().as_deref(), Some("81"));
        assert_eq!(args.option("--prefix").unwrap().as_deref(), Some("/a/"));
        args.finish().unwrap();
    }

    #[test]
    fn names_the_word_it_did_not_understand() {
        let mut args = args(&["--port"]);
        assert!(args.option("--port").unwrap_err().to_string().contains("--port"));
        assert!(args.finish().unwrap_err().is::<Misuse>());
    }
}
