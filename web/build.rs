//! Builds the browser's files: npm installs what package-lock.json names, esbuild makes one file of each entry
//! point, and the result is listed for `src/asset.rs` with a hash of its content.
//! It writes to OUT_DIR and web/node_modules only.

use std::{
    env, fs,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};

use flate2::{Compression, write::GzEncoder};

const NEEDS_NODE: &str = "Horahora's pages need Node.js 20 or newer (with npm) to be built: \
    https://nodejs.org, or the package nodejs of your system. Then build again";

/// Name, content type, and whether esbuild makes it (the others are embedded as they are).
const ASSETS: [(&str, &str, bool); 7] = [
    ("app.js", "text/javascript; charset=utf-8", true),
    ("watch.js", "text/javascript; charset=utf-8", true),
    ("upload.js", "text/javascript; charset=utf-8", true),
    ("niconico.js", "text/javascript; charset=utf-8", true),
    ("style.css", "text/css; charset=utf-8", true),
    ("icons.svg", "image/svg+xml", false),
    ("logo.svg", "image/svg+xml", false),
];

fn main() {
    for path in ["assets", "package.json", "package-lock.json", "build.rs"] {
        println!("cargo:rerun-if-changed={path}");
    }
    let web = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    if let Err(message) = install(&web).and_then(|()| bundle(&web, &out)).and_then(|()| list(&web, &out)) {
        eprintln!("{message}");
        std::process::exit(1);
    }
}

/// `npm ci`, when node_modules is missing or older than the lock file.
fn install(web: &Path) -> Result<(), String> {
    // Two builds with different target folders share node_modules: the second one waits for the first.
    let lock = File::open(web.join("package-lock.json")).map_err(|e| format!("package-lock.json: {e}"))?;
    lock.lock().map_err(|e| format!("package-lock.json cannot be locked: {e}"))?;
    if is_fresh(web) {
        return Ok(());
    }
    npm(web, &["ci", "--no-audit", "--no-fund"])
}

fn is_fresh(web: &Path) -> bool {
    let modified = |path: &str| fs::metadata(web.join(path)).and_then(|m| m.modified()).ok();
    // npm writes this file last, so a broken installation does not have it.
    match (modified("node_modules/.package-lock.json"), modified("package-lock.json")) {
        (Some(installed), Some(wanted)) => installed >= wanted,
        _ => false,
    }
}

fn bundle(web: &Path, out: &Path) -> Result<(), String> {
    npm(web, &["run", "--silent", "build", "--", &format!("--outdir={}", out.display())])
}

fn npm(web: &Path, args: &[&str]) -> Result<(), String> {
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let result = Command::new(program).args(args).current_dir(web).output();
    let output = result.map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => format!("npm was not found. {NEEDS_NODE}."),
        _ => format!("npm did not start ({e}). {NEEDS_NODE}."),
    })?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "`npm {}` failed ({}).\n{}{}\nIf Node.js is older than 20: {NEEDS_NODE}.",
        args.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    ))
}

/// Packed once, here, as tightly as it goes: over a home line that is most of what a visitor waits for.
fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(bytes)?;
    packed.finish()
}

/// Writes the table which `src/asset.rs` includes.
fn list(web: &Path, out: &Path) -> Result<(), String> {
    let mut table = format!("static ASSETS: [Asset; {}] = [\n", ASSETS.len());
    for (name, content_type, built) in ASSETS {
        let path = if built { out.join(name) } else { web.join("assets").join(name) };
        let bytes = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let hash = &blake3::hash(&bytes).to_hex()[..16];
        let packed = out.join(format!("{name}.gz"));
        fs::write(&packed, gzip(&bytes).map_err(|e| format!("{name}: {e}"))?)
            .map_err(|e| format!("{name}: {e}"))?;
        let path = path.to_str().ok_or_else(|| format!("{} is not UTF-8", path.display()))?;
        table.push_str(&format!(
            "    Asset {{ name: {name:?}, content_type: {content_type:?}, bytes: include_bytes!({path:?}), gzip: include_bytes!({packed:?}), hash: {hash:?} }},\n"
        ));
    }
    table.push_str("];\n");
    fs::write(out.join("assets.rs"), table).map_err(|e| format!("assets.rs: {e}"))
}
