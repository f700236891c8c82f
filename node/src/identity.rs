//! The files that make this node this node: its key and the token of its own programs.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, Result, bail};
use ed25519_dalek::{
    SigningKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, spki::der::pem::LineEnding},
};
use horahora_protocol::NodeKey;

use crate::clock;

/// The node's key from `identity.key` (PKCS #8 PEM, RFC 8410), made at the first start.
///
/// # Errors
/// When the file cannot be read or written, or holds no ed25519 key.
pub fn load_or_create(path: &Path) -> Result<NodeKey> {
    if !path.exists() {
        let pem = SigningKey::from_bytes(&clock::random()).to_pkcs8_pem(LineEnding::LF)?;
        write_secret(path, pem.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    load(path)
}

/// The node's key from `identity.key`.
///
/// # Errors
/// When the file cannot be read or holds no ed25519 key.
pub fn load(path: &Path) -> Result<NodeKey> {
    let pem = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let Ok(key) = SigningKey::from_pkcs8_pem(&pem) else {
        bail!(
            "{} holds no ed25519 key. Put the file back from a backup; without it this node is another node.",
            path.display()
        );
    };
    Ok(NodeKey::from_secret(&key.to_bytes()))
}

/// The token for programs on this machine, made at the first start.
///
/// # Errors
/// When the file cannot be read or written.
pub fn api_token(path: &Path) -> Result<String> {
    if !path.exists() {
        write_secret(path, token().as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.trim().to_owned())
}

/// 256 random bits as text.
#[must_use]
pub fn token() -> String {
    clock::random::<32>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a file that only its owner may read, whole or not at all.
fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}
