//! Passwords as they are kept: Argon2id (RFC 9106) with 19 MiB and two passes, as OWASP's cheat sheet has it.

use std::sync::Arc;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use super::PeopleError;
use crate::clock;

/// Hashes at a time: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;
/// Those that wait for it; who comes then is told to come again.
const WAITING: usize = 32;
const BUSY_MS: u64 = 60_000;
/// What is hashed for names that nobody has, so that it takes as long.
const NOBODY: &str = "nobody has this password";

/// Hashes passwords, a few at a time. Clones share the room for it.
#[derive(Debug, Clone)]
pub(super) struct Passwords(Arc<Semaphore>, Arc<Semaphore>);

impl Default for Passwords {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)), Arc::new(Semaphore::new(WAITING)))
    }
}

impl Passwords {
    /// The PHC string of a password.
    pub(super) async fn hash(&self, password: &str) -> Result<String, PeopleError> {
        let password = password.to_owned();
        self.apart(move || hash(&password)).await?
    }

    /// Whether a password fits a hash; where there is none it takes as long to say no.
    pub(super) async fn fits(&self, password: &str, hash: Option<String>) -> Result<bool, PeopleError> {
        let password = password.to_owned();
        self.apart(move || match hash {
            Some(hash) => PasswordHash::new(&hash)
                .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()),
            None => {
                let _ = self::hash(NOBODY);
                false
            }
        })
        .await
    }

    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PeopleError> {
        let _waiting = self.1.try_acquire().map_err(|_| PeopleError::TooMany(BUSY_MS))?;
        let _room = self.0.acquire().await.map_err(|_| PeopleError::Hash)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| PeopleError::Hash)
    }
}

fn hash(password: &str) -> Result<String, PeopleError> {
    let salt = clock::random::<16>();
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    let hash: PasswordHash = hash.map_err(|_| PeopleError::Hash)?;
    Ok(hash.to_string())
}
