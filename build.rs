//! Turns `content/*.md` into `$OUT_DIR/content.rs` and `entries.rs`, which `src/content.rs` and `src/entries.rs` include, and refuses to build while anything
//! in the content is wrong. The text of the articles goes only into the native build (`ssr`), never into the wasm.

use press::{Answer, Article, Choice, Expect, Input, Known, Preset, Setup, Side, Try};
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=content");
    let articles = match press::load_dir(Path::new("content")) {
        Ok(articles) => articles,
        Err(problems) => {
            for problem in problems {
                println!("cargo::error={problem}");
            }
            return;
        }
    };
    if let Err(e) = emit(&articles) {
        println!("cargo::error=the compiled content could not be written: {e}");
    }
}

fn emit(articles: &[Article]) -> std::io::Result<()> {
    let out_dir = env::var("OUT_DIR").map_err(std::io::Error::other)?;
    let out_dir = Path::new(&out_dir);
    let known = Known::of(articles);
    let mut code = String::new();
    for a in articles {
        let name = constant(&a.slug);
        let _ = writeln!(code, "static {name}_CARD: Card = {};", card(a));
        let _ = writeln!(code, "static {name}_LISTED: Listed = {};", listed(a));
        let _ = writeln!(
            code,
            "pub static {name}_TRIES: Tries = Tries({});",
            list(&a.front.tries, |t| experiment(t, &a.slug))
        );
        let _ = writeln!(code, "pub static {name}: ArticleMeta = {};", article(a, &known));
    }
    let _ = writeln!(
        code,
        "pub static CARDS: &[&Listed] = {};",
        list(articles, |a| format!("&{}_LISTED", constant(&a.slug)))
    );
    let _ = writeln!(
        code,
        "pub static ARTICLES: &[&ArticleMeta] = {};",
        list(articles, |a| format!("&{}", constant(&a.slug)))
    );
    fs::write(out_dir.join("entries.rs"), entries(articles))?;
    if env::var_os("CARGO_FEATURE_SSR").is_some() {
        for a in articles {
            fs::write(out_dir.join(format!("{}.html", a.slug)), press::article_html(a, &known))?;
        }
        let bodies = list(articles, |a| {
            format!("({:?}, include_str!(concat!(env!(\"OUT_DIR\"), \"/{}.html\")))", a.slug, a.slug)
        });
        let _ = writeln!(code, "pub static BODIES: &[(&str, &str)] = {bodies};");
    }
    fs::write(out_dir.join("content.rs"), code)
}

// What follows writes the structs of src/content.rs as Rust. Debug prints strings and floats as valid literals.

/// `rate_limiter_design`
fn module(slug: &str) -> String {
    slug.replace('-', "_")
}

/// `RATE_LIMITER_DESIGN`
fn constant(slug: &str) -> String {
    module(slug).to_uppercase()
}

fn card(a: &Article) -> String {
    let f = &a.front;
    format!(
        "Card {{ slug: {:?}, title: {:?}, short: {:?}, level: {:?}, theme: {:?}, minutes: {} }}",
        a.slug,
        f.title,
        f.short,
        f.level.name(),
        f.theme,
        f.minutes,
    )
}

fn listed(a: &Article) -> String {
    let f = &a.front;
    format!(
        "Listed {{ card: &{}_CARD, topics: {}, summary: {:?}, poster: {:?}, experiments: {} }}",
        constant(&a.slug),
        list(&f.topics, |t| format!("{t:?}")),
        f.summary,
        f.presets.first().map(|p| &p.id),
        list(&f.tries, |t| format!("{:?}", t.id)),
    )
}

fn article(a: &Article, known: &Known) -> String {
    let f = &a.front;
    let related: Vec<&String> = f.related.iter().filter(|slug| known.has(slug)).collect();
    let name = constant(&a.slug);
    // In the browser the experiments are a part of the program of their own.
    let tries = if env::var_os("CARGO_FEATURE_CSR").is_some() {
        String::new()
    } else {
        format!(", listed: &{name}_LISTED, tries: {name}_TRIES.0")
    };
    format!(
        "ArticleMeta {{ card: &{name}_CARD, related: {}, presets: {}{tries} }}",
        list(&related, |slug| format!("&{}_CARD", constant(slug))),
        list(&f.presets, preset),
    )
}

/// What `src/entries.rs` includes: every question as one value, and natively the list of them. In the browser each
/// comes with a part of the program that is downloaded when it is asked for.
fn entries(articles: &[Article]) -> String {
    let mut code = String::new();
    for a in articles {
        let (module, constant) = (module(&a.slug), constant(&a.slug));
        let _ = writeln!(
            code,
            "static {constant}: Entry = Entry {{ meta: &content::{constant}, question: &questions::{module}::QUESTION, picture: &widgets::{module}::PICTURE, #[cfg(feature = \"csr\")] told: || Box::pin(parts::told_{module}()), #[cfg(feature = \"csr\")] tries: || Box::pin(parts::tries_{module}()) }};"
        );
    }
    let _ = writeln!(
        code,
        "#[cfg(not(feature = \"csr\"))]\npub static ALL: &[&Entry] = {};",
        list(articles, |a| format!("&{}", constant(&a.slug)))
    );
    code.push_str("#[cfg(feature = \"csr\")]\nmod parts {\nuse super::*;\n");
    for a in articles {
        let (module, constant) = (module(&a.slug), constant(&a.slug));
        let _ = writeln!(
            code,
            "#[wasm_split_helpers::wasm_split({module}, fallible)]\npub fn {module}() -> Loaded<Entry> {{ Ok(&super::{constant}) }}\n\
             #[wasm_split_helpers::wasm_split(told_{module}, fallible)]\npub fn told_{module}() -> Loaded<Told> {{ Ok(&questions::{module}::TOLD) }}\n\
             #[wasm_split_helpers::wasm_split(tries_{module}, fallible)]\npub fn tries_{module}() -> Loaded<Tries> {{ Ok(&content::{constant}_TRIES) }}"
        );
    }
    code.push_str(
        "}\n#[cfg(feature = \"csr\")]\npub async fn load(slug: &str) -> Option<Loaded<Entry>> {\nSome(match slug {\n",
    );
    for a in articles {
        let _ = writeln!(code, "{:?} => parts::{}().await,", a.slug, module(&a.slug));
    }
    code.push_str("_ => return None,\n})\n}\n");
    code
}

fn preset(p: &Preset) -> String {
    format!(
        "PresetMeta {{ id: {:?}, title: {:?}, a: {}, b: {}, seed: {:?}, speed: {:?}, until_us: {:?} }}",
        p.id,
        p.title,
        setup(&p.a),
        option(p.b.as_ref()),
        p.seed,
        p.speed,
        p.until_us
    )
}

fn experiment(t: &Try, slug: &str) -> String {
    format!(
        "TryMeta {{ id: {:?}, a: {}, b: {}, seed: {:?}, speed: {:?}, until_us: {}, answers: {}, side: {}, measure: {:?}, read: sim::questions::{}::READ{} }}",
        t.id,
        setup(&t.plan.a),
        option(t.plan.b.as_ref()),
        t.plan.seed,
        t.speed,
        t.plan.until_us,
        list(&t.choices, answer),
        match t.claim.side {
            Side::A => "Side::A",
            Side::B => "Side::B",
        },
        t.claim.measure,
        module(slug),
        if env::var_os("CARGO_FEATURE_CSR").is_some() { String::new() } else { words(t) },
    )
}

fn setup(s: &Setup) -> String {
    format!("SetupMeta {{ set: {}, inputs: {} }}", pairs(&s.set), list(&s.inputs, input))
}

fn option(s: Option<&Setup>) -> String {
    s.map_or("None".to_owned(), |s| format!("Some({})", setup(s)))
}

fn input(i: &Input) -> String {
    format!("InputMeta {{ at_us: {}, act: {:?}, args: {} }}", i.at_us, i.act, pairs(&i.args))
}

fn pairs(pairs: &[(String, String)]) -> String {
    list(pairs, |(name, value)| format!("({name:?}, {value:?})"))
}

fn words(t: &Try) -> String {
    format!(
        ", words: TryWords {{ title: {:?}, ask: {:?}, choices: {}, after: {:?} }}",
        t.title,
        t.ask,
        list(&t.choices, |c| format!("{:?}", c.label)),
        t.after
    )
}

fn answer(c: &Choice) -> String {
    match c.answer {
        Answer::Number { value, decimals } => {
            format!("Answer::Number {{ value: {value:?}, decimals: {decimals} }}")
        }
        Answer::When(e) => format!("Answer::When({})", expect(e)),
    }
}

fn expect(e: Expect) -> String {
    let e = match e {
        Expect::Equal(v) => format!("Equal({v:?})"),
        Expect::NotEqual(v) => format!("NotEqual({v:?})"),
        Expect::AtMost(v) => format!("AtMost({v:?})"),
        Expect::AtLeast(v) => format!("AtLeast({v:?})"),
        Expect::Below(v) => format!("Below({v:?})"),
        Expect::Above(v) => format!("Above({v:?})"),
        Expect::Near { value, by } => format!("Near {{ value: {value:?}, by: {by:?} }}"),
        Expect::NearPercent { value, percent } => {
            format!("NearPercent {{ value: {value:?}, percent: {percent:?} }}")
        }
        Expect::Within { low, high } => format!("Within {{ low: {low:?}, high: {high:?} }}"),
    };
    format!("Expect::{e}")
}

fn list<T>(items: &[T], each: impl Fn(&T) -> String) -> String {
    format!("&[{}]", items.iter().map(each).collect::<Vec<_>>().join(", "))
}
