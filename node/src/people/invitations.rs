//! Invitations to make an account: a code that an admin gives to somebody.

use horahora_protocol::{NodeId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{People, PeopleError, Rank, SignUp};
use crate::{
    clock, identity,
    store::{
        Batch, StoreError,
        rows::{INVITATIONS, session_key},
    },
};

/// Letters of a code: 80 bits.
const CODE: usize = 20;

/// A row of [`INVITATIONS`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InvitationRow {
    /// The rank that it gives.
    pub rank: Rank,
    /// How many people may still use it.
    pub uses: u32,
    /// Until when.
    pub until: Timestamp,
    /// Who made it; none for the operator without an account.
    pub by: Option<NodeId>,
}

impl People {
    /// Makes an invitation and gives its code.
    ///
    /// # Errors
    /// When the database fails.
    pub fn invite(&self, rank: Rank, uses: u32, days: u64, by: Option<NodeId>) -> Result<String, StoreError> {
        let code = identity::token()[..CODE].to_owned();
        let until = clock::now().plus_ms(days.saturating_mul(clock::DAY_MS));
        let mut batch = Batch::default();
        batch.put(&INVITATIONS, &session_key(&code), &InvitationRow { rank, uses, until, by });
        self.store.write(batch)?;
        Ok(code)
    }

    /// Invitations that can still be used.
    ///
    /// # Errors
    /// When the database fails.
    pub fn invitations(&self) -> Result<Vec<InvitationRow>, StoreError> {
        let all = self.store.scan(&INVITATIONS, b"", None, usize::MAX)?;
        let now = clock::now();
        Ok(all.into_iter().map(|(_, row)| row).filter(|row| row.until > now).collect())
    }

    /// The rank that a code gives, nothing where anybody may come.
    pub(super) fn admits(&self, code: &str) -> Result<Rank, PeopleError> {
        self.redeem(code, &mut Batch::default())
    }

    /// The same, using the code up in the batch.
    pub(super) fn redeem(&self, code: &str, batch: &mut Batch) -> Result<Rank, PeopleError> {
        let (code, sign_up) = (code.trim().to_ascii_lowercase(), self.house()?.sign_up);
        match sign_up {
            SignUp::Closed => {
                return Err(PeopleError::NotTaken("This node takes nobody in now. Ask whoever runs it."));
            }
            SignUp::Open if code.is_empty() => return Ok(Rank::Viewer),
            SignUp::Invited if code.is_empty() => {
                return Err(PeopleError::NotTaken(
                    "This node takes people by invitation. Ask whoever runs it for one.",
                ));
            }
            SignUp::Open | SignUp::Invited => {}
        }
        let key = session_key(&code);
        let row = self.store.get(&INVITATIONS, &key)?.filter(|row| row.until > clock::now() && row.uses > 0);
        let row =
            row.ok_or(PeopleError::NotTaken("This invitation does not work any more. Ask for a new one."))?;
        match row.uses {
            1 => batch.remove(&INVITATIONS, &key),
            uses => batch.put(&INVITATIONS, &key, &InvitationRow { uses: uses - 1, ..row.clone() }),
        }
        Ok(row.rank)
    }
}
