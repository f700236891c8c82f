//! Invitations: what the issuer signs, what goes to the invited, and what those who come show.
//!
//! A ticket carries the secret half of a one-time key whose public half is in the signed invitation. Who comes
//! signs with both keys, so nobody who hears of it can use it again for somebody else.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use thiserror::Error;

use super::{GroupId, Role};
use crate::{
    codec::{self, Cid},
    id::NodeId,
    limits,
    sign::{NodeKey, Signable, Signed, Verified},
    time::Timestamp,
};

/// What tickets begin with: their version.
const PREFIX: &str = "hh1";
/// Bytes of BLAKE3 at the end of a ticket, against slips in copying.
const CHECK: usize = 4;

/// An invitation, signed by a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// Version of this form, 1.
    pub v: u8,
    /// Into which group.
    pub group: GroupId,
    /// Who invites.
    pub issuer: NodeId,
    /// Public half of the ticket's key.
    pub holder: NodeId,
    /// As what.
    pub role: Role,
    /// How many nodes it lets in.
    pub uses: u32,
    /// Not to be redeemed after this, by the clock of the member who lets in.
    pub expires: Timestamp,
}

impl Signable for Invite {
    const PURPOSE: &'static str = "horahora/invite/1";

    fn signer(&self) -> NodeId {
        self.issuer
    }
}

/// The proof that its maker has the ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Version of this form, 1.
    pub v: u8,
    /// The signed invitation.
    pub invite: Cid,
    /// Public half of the ticket's key.
    pub holder: NodeId,
    /// Who comes.
    pub node: NodeId,
}

impl Signable for Proof {
    const PURPOSE: &'static str = "horahora/ticket/1";

    fn signer(&self) -> NodeId {
        self.holder
    }
}

/// A node comes in by a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redemption {
    /// Version of this form, 1.
    pub v: u8,
    /// Who comes.
    pub node: NodeId,
    /// The incarnation that it will write.
    pub incarnation: u64,
    /// That it has the ticket.
    pub proof: Signed<Proof>,
}

impl Signable for Redemption {
    const PURPOSE: &'static str = "horahora/redemption/1";

    fn signer(&self) -> NodeId {
        self.node
    }
}

/// What is handed to the invited, as one line of text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// Version of this form, 1.
    pub v: u8,
    /// The signed invitation.
    pub invite: ByteBuf,
    /// Secret half of the ticket's key.
    #[serde(with = "serde_bytes")]
    pub secret: Vec<u8>,
    /// What people call the group.
    pub name: String,
    /// Where members are: addresses with their `/p2p/` part, best first.
    pub addresses: Vec<String>,
}

/// Why a text is no ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TicketError {
    /// It does not begin like one.
    #[error("this is no ticket: a ticket begins with hh1")]
    NotATicket,
    /// A part is missing or changed.
    #[error("the ticket is damaged: copy it again, whole")]
    Damaged,
}

impl Ticket {
    /// The invitation, checked.
    ///
    /// # Errors
    /// [`TicketError::Damaged`] when it is not what it should be.
    pub fn invite(&self) -> Result<Verified<Invite>, TicketError> {
        let invite = decode::<Invite>(&self.invite).ok_or(TicketError::Damaged)?;
        let holder = self.holder().ok_or(TicketError::Damaged)?;
        let fits = invite.v == 1 && holder.node_id() == invite.holder;
        if fits { Ok(invite) } else { Err(TicketError::Damaged) }
    }

    /// What `key` shows to come in.
    ///
    /// # Errors
    /// [`TicketError::Damaged`] when the ticket is not what it should be.
    pub fn redeem(&self, key: &NodeKey, incarnation: u64) -> Result<Verified<Redemption>, TicketError> {
        let (invite, holder) = (self.invite()?, self.holder().ok_or(TicketError::Damaged)?);
        let proof = Proof { v: 1, invite: invite.block().0, holder: invite.holder, node: key.node_id() };
        let proof = holder.sign(proof).into_signed();
        Ok(key.sign(Redemption { v: 1, node: key.node_id(), incarnation, proof }))
    }

    fn holder(&self) -> Option<NodeKey> {
        Some(NodeKey::from_secret(self.secret.as_slice().try_into().ok()?))
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = codec::encode(self);
        let check = blake3::hash(&bytes);
        bytes.extend(&check.as_bytes()[..CHECK]);
        write!(f, "{PREFIX}{}", bs58::encode(bytes).into_string())
    }
}

impl FromStr for Ticket {
    type Err = TicketError;

    fn from_str(text: &str) -> Result<Self, TicketError> {
        let text: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
        let rest = text.strip_prefix(PREFIX).ok_or(TicketError::NotATicket)?;
        if rest.len() > limits::TICKET_BYTES * 2 {
            return Err(TicketError::Damaged);
        }
        let bytes = bs58::decode(rest).into_vec().map_err(|_| TicketError::Damaged)?;
        let (block, check) = bytes.split_last_chunk::<CHECK>().ok_or(TicketError::Damaged)?;
        if blake3::hash(block).as_bytes()[..CHECK] != check[..] {
            return Err(TicketError::Damaged);
        }
        let ticket: Self = codec::decode(block, limits::TICKET_BYTES).map_err(|_| TicketError::Damaged)?;
        let bounded = ticket.name.len() <= limits::NAME_BYTES
            && ticket.addresses.len() <= limits::ADDRESSES
            && ticket.addresses.iter().all(|address| address.len() <= limits::ADDRESS_BYTES);
        if ticket.v != 1 || !bounded {
            return Err(TicketError::Damaged);
        }
        ticket.invite()?;
        Ok(ticket)
    }
}

/// An invitation and its redemption that fit each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The signed invitation.
    pub invite: Verified<Invite>,
    /// The signed redemption.
    pub redemption: Verified<Redemption>,
}

impl Admission {
    /// Checks all three signatures, and that the parts name each other. Gives none for anything else.
    #[must_use]
    pub fn decode(group: &GroupId, invite: &[u8], redemption: &[u8]) -> Option<Self> {
        let invite_id = Cid::of(codec::Codec::DagCbor, invite);
        let invite = decode::<Invite>(invite)?;
        let redemption = decode::<Redemption>(redemption)?;
        let proof = redemption.proof.clone().verify().ok()?;
        let fits = invite.v == 1
            && redemption.v == 1
            && proof.v == 1
            && invite.group == *group
            && invite.uses > 0
            && invite.role < Role::Admin
            && proof.invite == invite_id
            && proof.holder == invite.holder
            && proof.node == redemption.node;
        fits.then_some(Self { invite, redemption })
    }
}

fn decode<T: Signable + serde::de::DeserializeOwned>(block: &[u8]) -> Option<Verified<T>> {
    let signed: Signed<T> = codec::decode(block, limits::INVITE_BYTES).ok()?;
    signed.verify().ok()
}
