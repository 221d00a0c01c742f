//! Small work with texts, as short code: the standard library's is made for long ones, and weighs more than a kilobyte.

/// The parts with `between` between each two of them.
pub fn joined<T: AsRef<str>>(parts: &[T], between: &str) -> String {
    let mut all = String::new();
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            all.push_str(between);
        }
        all.push_str(part.as_ref());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn parts_are_joined_as_the_standard_library_joins_them() {
        for parts in [&[][..], &["a"], &["", ""], &["a", "bc", "", "d"]] {
            assert_eq!(joined(parts, ", "), parts.join(", "));
        }
    }
}
