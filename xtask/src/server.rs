//! A static file server for one folder: what any plain host does, and reloading while developing.
//!
//! HTTP/1.1 over std alone: GET and HEAD, keep-alive, directory index, `404.html`, correct types. It listens
//! on the loopback address only and is not meant for anything else.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::args::Misuse;
use crate::headers;

const PORT_DEFAULT: u16 = 8080;
/// Ports tried, one after the other, when none was asked for.
const PORTS_TRIED: u16 = 20;
const IDLE_MAX: Duration = Duration::from_secs(30);
/// A request's head may not be longer; ours are a few hundred bytes.
const HEAD_BYTES_MAX: u64 = 64 * 1024;

/// What the pages of a site being developed are told.
#[derive(Clone, Default)]
struct News {
    /// Counts the builds.
    build: u64,
    /// Why the last build failed, if it did.
    problem: Option<String>,
}

/// Where the site lies now, and how open pages learn that it changed.
pub struct Site {
    folder: Mutex<PathBuf>,
    news: Mutex<News>,
    changed: Condvar,
    /// Whether pages get a script that reloads them.
    reloading: bool,
}

impl Site {
    pub fn new(folder: PathBuf, reloading: bool) -> Arc<Self> {
        Arc::new(Self { folder: Mutex::new(folder), news: Mutex::default(), changed: Condvar::new(), reloading })
    }

    /// Serves another folder from now on and reloads the open pages.
    pub fn replace(&self, folder: PathBuf) {
        *lock(&self.folder) = folder;
        self.tell(None);
    }

    /// Tells the open pages that the last change did not build.
    pub fn report(&self, problem: String) {
        self.tell(Some(problem));
    }

    fn tell(&self, problem: Option<String>) {
        let mut news = lock(&self.news);
        news.build += u64::from(problem.is_none());
        news.problem = problem;
        self.changed.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server that has its port but answers nobody yet.
pub struct Server {
    listener: TcpListener,
    /// The path the site lives under, with a slash at both ends.
    prefix: String,
}

impl Server {
    /// Takes `port`, or without one the first free port from 8080.
    pub fn bind(port: Option<u16>, prefix: Option<String>) -> anyhow::Result<Self> {
        let prefix = prefix.unwrap_or_else(|| "/".to_owned());
        if !prefix.starts_with('/') || !prefix.ends_with('/') || prefix.contains("//") {
            return Err(Misuse(format!(
                "--prefix {prefix}: expected a path with a slash at both ends, such as /some/path/"
            ))
            .into());
        }
        let listener = match port {
            Some(port) => {
                TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("port {port} cannot be used"))?
            }
            None => first_free_port()?,
        };
        Ok(Self { listener, prefix })
    }

    pub fn address(&self) -> anyhow::Result<String> {
        Ok(format!("http://{}{}", self.listener.local_addr()?, self.prefix))
    }

    /// Answers requests on threads of its own, for as long as the program runs.
    pub fn start(self, site: Arc<Site>) {
        thread::spawn(move || {
            for stream in self.listener.incoming().flatten() {
                let (site, prefix) = (Arc::clone(&site), self.prefix.clone());
                // A broken connection concerns its own browser only.
                thread::spawn(move || drop(converse(&stream, &prefix, &site)));
            }
        });
    }
}

fn first_free_port() -> anyhow::Result<TcpListener> {
    for port in PORT_DEFAULT..PORT_DEFAULT + PORTS_TRIED {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return Ok(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error).context("cannot listen on 127.0.0.1"),
        }
    }
    bail!("the ports {PORT_DEFAULT} to {} are all in use; choose one with --port", PORT_DEFAULT + PORTS_TRIED - 1)
}

/// One connection, request by request.
fn converse(stream: &TcpStream, prefix: &str, site: &Site) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE_MAX))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        let Some(request) = read_request(&mut reader)? else { return Ok(()) };
        let path = request.target.split(['?', '#']).next().unwrap_or_default();
        if site.reloading && path == format!("{prefix}__reload") {
            return send_news(stream, site);
        }
        let response = respond(&request, prefix, site);
        send(stream, &response, request.method == "HEAD")?;
    }
}

struct Request {
    method: String,
    target: String,
}

/// The next request, or nothing when the browser hung up. Bodies are not read: nothing here takes one.
fn read_request(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<Request>> {
    let mut head = reader.take(HEAD_BYTES_MAX);
    let mut line = String::new();
    if head.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    loop {
        let mut header = String::new();
        if head.read_line(&mut header)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if header.trim_end().is_empty() {
            return Ok(Some(Request { method, target }));
        }
    }
}

struct Response {
    status: &'static str,
    /// Further header lines, each ended.
    headers: String,
    body: Vec<u8>,
}

impl Response {
    fn text(status: &'static str, text: &str) -> Self {
        Self {
            status,
            headers: "Content-Type: text/plain; charset=utf-8\r\n".to_owned(),
            body: text.as_bytes().to_vec(),
        }
    }

    /// What every host is asked to say beside this file; how long it is kept has been said.
    fn with_headers_of(mut self, path: &str) -> Self {
        for (name, value) in headers::of(path).filter(|(name, _)| *name != "Cache-Control") {
            self.headers.push_str(&format!("{name}: {value}\r\n"));
        }
        self
    }
}

fn respond(request: &Request, prefix: &str, site: &Site) -> Response {
    if request.method != "GET" && request.method != "HEAD" {
        let mut response = Response::text("405 Method Not Allowed", "Only GET and HEAD work here.\n");
        response.headers.push_str("Allow: GET, HEAD\r\n");
        return response;
    }
    let (path, query) = match request.target.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (request.target.as_str(), String::new()),
    };
    if format!("{path}/") == prefix {
        return redirect(&format!("{prefix}{query}"));
    }
    let folder = lock(&site.folder).clone();
    let Some(path) = path.strip_prefix(prefix) else {
        return Response::text("404 Not Found", &format!("The site lives under {prefix}\n"));
    };
    if site.reloading && path == "__reload.js" {
        return file_response(
            "200 OK",
            Path::new("reload.js"),
            include_bytes!("../web/reload.js").to_vec(),
            prefix,
            site,
        );
    }
    let Some(relative) = decode(path).filter(|path| is_inside(path)) else {
        return Response::text("400 Bad Request", "This is not a path inside the site.\n");
    };
    let mut file = folder.join(&relative);
    if file.is_dir() {
        if !relative.is_empty() && !relative.ends_with('/') {
            return redirect(&format!("{prefix}{path}/{query}"));
        }
        file.push("index.html");
    }
    match fs::read(&file) {
        Ok(body) => {
            let relative = file.strip_prefix(&folder).unwrap_or(&file).to_string_lossy().replace('\\', "/");
            file_response("200 OK", &file, body, prefix, site).with_headers_of(&relative)
        }
        Err(_) => match fs::read(folder.join("404.html")) {
            Ok(body) => {
                file_response("404 Not Found", Path::new("404.html"), body, prefix, site).with_headers_of("404.html")
            }
            Err(_) => Response::text("404 Not Found", "There is no such page.\n"),
        },
    }
}

fn redirect(to: &str) -> Response {
    let mut response = Response::text("301 Moved Permanently", "");
    response.headers.push_str(&format!("Location: {to}\r\n"));
    response
}

fn file_response(status: &'static str, file: &Path, mut body: Vec<u8>, prefix: &str, site: &Site) -> Response {
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if extension == "html" && site.reloading {
        body = with_reload_script(&body, prefix);
    }
    // Names in assets/ carry the hash of what is in them; everything else may change under its name.
    let is_hashed =
        status == "200 OK" && file.parent().and_then(Path::file_name).is_some_and(|folder| folder == "assets");
    let keep = if is_hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = format!("Content-Type: {}\r\nCache-Control: {keep}\r\n", content_type(extension));
    Response { status, headers, body }
}

fn content_type(extension: &str) -> &'static str {
    match extension {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webmanifest" => "application/manifest+json",
        "xml" => "application/xml",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The page with one more script, which reloads it after each build.
fn with_reload_script(html: &[u8], prefix: &str) -> Vec<u8> {
    let html = String::from_utf8_lossy(html);
    let script = format!("<script type=\"module\" src=\"{prefix}__reload.js\"></script>\n</head>");
    html.replacen("</head>", &script, 1).into_bytes()
}

/// Undoes percent encoding; nothing if it is broken.
fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn is_inside(path: &str) -> bool {
    !path.contains(['\\', '\0']) && !path.starts_with('/') && path.split('/').all(|part| part != "..")
}

fn send(mut stream: &TcpStream, response: &Response, head_only: bool) -> io::Result<()> {
    let mut out =
        format!("HTTP/1.1 {}\r\n{}Content-Length: {}\r\n\r\n", response.status, response.headers, response.body.len())
            .into_bytes();
    if !head_only {
        out.extend_from_slice(&response.body);
    }
    stream.write_all(&out)
}

/// Server-sent events: one message a build, a comment now and then to notice that the page is gone.
fn send_news(mut stream: &TcpStream, site: &Site) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n: hello\n\n")?;
    let mut seen = lock(&site.news).clone();
    loop {
        let (news, _) =
            site.changed.wait_timeout(lock(&site.news), Duration::from_secs(5)).unwrap_or_else(PoisonError::into_inner);
        let news = News::clone(&news);
        if news.build != seen.build {
            stream.write_all(b"event: built\ndata: 1\n\n")?;
        } else if let (Some(problem), true) = (&news.problem, news.problem != seen.problem) {
            let lines: String = problem.lines().map(|line| format!("data: {line}\n")).collect();
            stream.write_all(format!("event: problem\n{lines}\n").as_bytes())?;
        } else {
            stream.write_all(b": still here\n\n")?;
        }
        seen = news;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(name: &str) -> Arc<Site> {
        let folder = crate::paths::target().join("xtask").join(format!("server-test-{name}"));
        crate::bundle::empty(&folder).unwrap();
        fs::create_dir_all(folder.join("q/a")).unwrap();
        fs::create_dir_all(folder.join("assets")).unwrap();
        fs::write(folder.join("index.html"), "<head></head>home").unwrap();
        fs::write(folder.join("q/a/index.html"), "<head></head>a").unwrap();
        fs::write(folder.join("404.html"), "<head></head>none").unwrap();
        fs::write(folder.join("assets/app-1.wasm"), b"\0asm").unwrap();
        fs::write(folder.join("sw.js"), "").unwrap();
        Site::new(folder, false)
    }

    fn get(site: &Site, target: &str) -> Response {
        respond(&Request { method: "GET".to_owned(), target: target.to_owned() }, "/p/", site)
    }

    #[test]
    fn folders_have_an_index_and_a_slash() {
        let site = site("index");
        assert_eq!(get(&site, "/p/").body, b"<head></head>home");
        assert_eq!(get(&site, "/p/q/a/?x=1").body, b"<head></head>a");
        let moved = get(&site, "/p/q/a?x=1");
        assert!(
            moved.status.starts_with("301") && moved.headers.contains("Location: /p/q/a/?x=1\r\n"),
            "{}",
            moved.headers
        );
        assert!(get(&site, "/p").headers.contains("Location: /p/\r\n"));
    }

    #[test]
    fn what_is_missing_gets_the_page_for_it_and_its_status() {
        let missing = get(&site("missing"), "/p/q/none/");
        assert_eq!((missing.status, missing.body.as_slice()), ("404 Not Found", b"<head></head>none".as_slice()));
    }

    #[test]
    fn nothing_outside_the_folder_is_served() {
        let site = site("outside");
        for target in ["/p/../Cargo.toml", "/p/%2e%2e/Cargo.toml", "/p//etc/passwd", "/p/..%2fCargo.toml", "/p/%zz"] {
            assert!(get(&site, target).status.starts_with("400"), "{target}");
        }
        assert!(get(&site, "/Cargo.toml").status.starts_with("404"));
    }

    #[test]
    fn every_answer_says_who_may_frame_it() {
        let site = site("headers");
        for target in ["/p/", "/p/q/a/", "/p/none"] {
            let headers = get(&site, target).headers;
            assert!(headers.contains("Content-Security-Policy: frame-ancestors 'self'\r\n"), "{target}: {headers}");
            assert!(headers.contains("X-Content-Type-Options: nosniff\r\n"), "{target}: {headers}");
        }
    }

    #[test]
    fn hashed_files_are_kept_and_typed() {
        let site = site("types");
        let wasm = get(&site, "/p/assets/app-1.wasm");
        assert!(wasm.headers.contains("Content-Type: application/wasm\r\n"));
        assert!(wasm.headers.contains("immutable"));
        // The worker is how browsers learn of a new version.
        assert!(get(&site, "/p/sw.js").headers.contains("Cache-Control: no-cache\r\n"));
    }
}
