//! Groups from the inside: making one, inviting, letting in, ruling, leaving.

use horahora_protocol::{
    Cid, NodeId, Timestamp,
    approval::Rules,
    entry::Body,
    feed::FeedId,
    group::{
        Change, Genesis, GroupChange, GroupId, GroupKey, Invite, Role, Ticket, TicketError, invite::Admission,
    },
    limits,
    sign::NodeKey,
};
use serde_bytes::ByteBuf;
use thiserror::Error;

use super::{Feeds, FeedsError, new_group};
use crate::{
    clock,
    groups::View,
    store::{
        Batch, StoreError,
        rows::{Block, GROUPS, GroupRow, JOINS, JoinRow, OwnFeed},
    },
};

/// Why a group was not changed.
#[derive(Debug, Error)]
pub enum MembershipError {
    /// Not known here, or not for this node.
    #[error("this node knows no group with this id")]
    UnknownGroup,
    /// The node's role does not allow it.
    #[error("{0}")]
    NotAllowed(&'static str),
    /// A name that cannot be one.
    #[error("a group's name has 1 to {} bytes", limits::NAME_BYTES)]
    BadName,
    /// No more groups.
    #[error("a node is in at most {} groups", limits::GROUPS)]
    TooMany,
    /// It is no ticket.
    #[error(transparent)]
    Ticket(#[from] TicketError),
    /// The ticket has expired.
    #[error("the ticket has expired; ask for a new one")]
    Expired,
    /// Our own disk failed.
    #[error(transparent)]
    Feeds(#[from] FeedsError),
}

impl From<StoreError> for MembershipError {
    fn from(error: StoreError) -> Self {
        Self::Feeds(error.into())
    }
}

/// Why somebody was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinRefusal {
    /// Nothing that this node may speak of.
    Unknown,
    /// The ticket has expired.
    Expired,
    /// It let in as many as it is for.
    UsedUp,
    /// Its issuer may not invite any more, or who comes was removed.
    NotAllowed,
    /// The signatures do not fit.
    Forged,
    /// Our own disk failed.
    Failed,
}

impl Feeds {
    /// Makes a group; this node is its founder.
    ///
    /// # Errors
    /// When the name cannot be one or the disk fails.
    pub async fn create(&self, name: &str, private: bool) -> Result<GroupId, MembershipError> {
        let name = name.trim();
        if name.is_empty() || name.len() > limits::NAME_BYTES || name.chars().any(char::is_control) {
            return Err(MembershipError::BadName);
        }
        let (own, genesis) = new_group(&self.key, name, !private);
        self.enter(&own, &genesis, self.key.node_id()).await?;
        if private {
            self.say(&own.group, Change::Key(new_key(0))).await?;
        }
        self.publish(&[own.group], self.profile(), |_, _| ()).await?;
        Ok(own.group)
    }

    /// Writes down that this node writes into a group from now on.
    async fn enter(&self, own: &OwnFeed, genesis: &Genesis, via: NodeId) -> Result<(), MembershipError> {
        let mut owns = self.own.lock().await;
        if owns.len() >= limits::GROUPS {
            return Err(MembershipError::TooMany);
        }
        let row = GroupRow {
            genesis: own.genesis.clone(),
            name: genesis.name.clone(),
            founder: genesis.founder,
            since: clock::now(),
            via,
        };
        let mut batch = Batch::default();
        self.put_own(&mut batch, own);
        batch.put(&GROUPS, &own.group.to_bytes(), &row);
        self.store.write(batch)?;
        self.store.durable().await?;
        self.groups.add(&own.genesis.0)?;
        owns.insert(own.group, own.clone());
        drop(owns);
        let genesis_block = own.genesis.0.clone();
        self.keep(own.group, genesis_block).await.map_err(FeedsError::from)?;
        self.moved.send_replace(());
        Ok(())
    }

    async fn say(&self, group: &GroupId, change: Change) -> Result<(), FeedsError> {
        let body = Body::Group(GroupChange { v: 1, change });
        self.publish(&[*group], body, |_, _| ()).await.map(|_| ())
    }

    fn view(&self, group: &GroupId) -> Result<std::sync::Arc<View>, MembershipError> {
        self.groups.get(group).ok_or(MembershipError::UnknownGroup)
    }

    /// Makes a ticket.
    ///
    /// # Errors
    /// When this node may not invite.
    pub fn invite(
        &self,
        group: &GroupId,
        role: Role,
        expires: Timestamp,
        uses: u32,
        addresses: Vec<String>,
    ) -> Result<Ticket, MembershipError> {
        let view = self.view(group)?;
        if !view.group.may_invite(&self.key.node_id()) {
            return Err(MembershipError::NotAllowed(
                "this node may not invite into that group: only its admins may, or it is no member",
            ));
        }
        if role == Role::Admin || uses == 0 {
            return Err(MembershipError::NotAllowed(
                "a ticket lets in members or followers, at least one; an admin is made of a member afterwards",
            ));
        }
        let secret = clock::random::<32>();
        let holder = NodeKey::from_secret(&secret).node_id();
        let issuer = self.key.node_id();
        let invite = self.key.sign(Invite { v: 1, group: *group, issuer, holder, role, uses, expires });
        Ok(Ticket {
            v: 1,
            invite: ByteBuf::from(invite.block().1),
            secret: secret.to_vec(),
            name: view.name.clone(),
            addresses,
        })
    }

    /// Lets in who shows a ticket; gives the group's genesis. The same redemption may come several times.
    ///
    /// # Errors
    /// See [`JoinRefusal`].
    pub async fn admit(
        &self,
        from: &NodeId,
        invite: &[u8],
        redemption: &[u8],
    ) -> Result<Vec<u8>, JoinRefusal> {
        let unread = horahora_protocol::codec::decode::<horahora_protocol::Signed<Invite>>;
        let read = unread(invite, limits::INVITE_BYTES).map_err(|_| JoinRefusal::Forged)?;
        let group = read.verify().map_err(|_| JoinRefusal::Forged)?.group;
        let shown = Admission::decode(&group, invite, redemption).ok_or(JoinRefusal::Forged)?;
        if shown.redemption.node != *from {
            return Err(JoinRefusal::Forged);
        }
        let view = self.groups.get(&group).ok_or(JoinRefusal::Unknown)?;
        let me = self.key.node_id();
        if view.group.role(&me) < Some(Role::Member) {
            return Err(JoinRefusal::Unknown);
        }
        // Whose invitation nobody of the group made is told what one is told who asks for a group that is not here.
        let issuer = &shown.invite.issuer;
        if !view.group.members.contains_key(issuer) && !view.group.gone.contains_key(issuer) {
            return Err(JoinRefusal::Unknown);
        }
        let (used, came) = view.used(&shown.invite.block().0, from);
        let inside = view.group.members.contains_key(from);
        if came && inside {
            return Ok(view.genesis.clone());
        }
        if shown.invite.expires < clock::now() {
            return Err(JoinRefusal::Expired);
        }
        if used >= shown.invite.uses as usize {
            return Err(JoinRefusal::UsedUp);
        }
        let removed = view.group.gone.get(from) == Some(&horahora_protocol::group::fold::Gone::Removed);
        if removed || !view.group.may_invite(&shown.invite.issuer) || !view.group.may_invite(&me) {
            return Err(JoinRefusal::NotAllowed);
        }
        let change = Change::Admit { invite: ByteBuf::from(invite), redemption: ByteBuf::from(redemption) };
        match self.say(&group, change).await {
            Ok(()) => Ok(view.genesis.clone()),
            Err(error) => {
                tracing::error!("nobody can be let in: {error}");
                Err(JoinRefusal::Failed)
            }
        }
    }

    /// Writes down that a ticket is to be redeemed; it is tried until it works or cannot work any more.
    ///
    /// # Errors
    /// When it is no ticket, has expired, or the disk fails.
    pub async fn redeem(&self, text: &str) -> Result<(Cid, Ticket), MembershipError> {
        let ticket: Ticket = text.parse()?;
        let invite = ticket.invite()?;
        let id = invite.block().0;
        if invite.expires < clock::now() {
            return Err(MembershipError::Expired);
        }
        let known: Option<JoinRow> = self.store.get(&JOINS, &id.to_bytes())?;
        let Timestamp(incarnation) = clock::now();
        let row = JoinRow {
            ticket: text.trim().to_owned(),
            incarnation: known.map_or(incarnation, |row| row.incarnation),
            since: clock::now(),
            reason: None,
            ended: false,
        };
        let mut batch = Batch::default();
        batch.put(&JOINS, &id.to_bytes(), &row);
        self.store.write(batch)?;
        self.store.durable().await?;
        Ok((id, ticket))
    }

    /// Tickets that are being redeemed, or could not be.
    ///
    /// # Errors
    /// When the database fails.
    pub fn joins(&self) -> Result<Vec<(Cid, JoinRow)>, StoreError> {
        let rows = self.store.scan(&JOINS, b"", None, usize::MAX)?;
        Ok(rows.into_iter().filter_map(|(key, row)| Some((Cid::from_bytes(&key).ok()?, row))).collect())
    }

    /// Says why a ticket was not redeemed yet; `ended` when it never can be.
    ///
    /// # Errors
    /// When the database fails.
    pub fn not_joined(&self, id: &Cid, reason: &str, ended: bool) -> Result<(), StoreError> {
        let Some(row) = self.store.get(&JOINS, &id.to_bytes())? else { return Ok(()) };
        let mut batch = Batch::default();
        batch.put(&JOINS, &id.to_bytes(), &JoinRow { reason: Some(reason.to_owned()), ended, ..row });
        self.store.write(batch)
    }

    /// Forgets a ticket.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_join(&self, id: &Cid) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        batch.remove(&JOINS, &id.to_bytes());
        self.store.write(batch)?;
        self.store.durable().await
    }

    /// A member let this node in: it writes into the group from now on.
    ///
    /// # Errors
    /// When the genesis is not the one that the ticket names, or the disk fails.
    pub async fn joined(
        &self,
        id: &Cid,
        ticket: &Ticket,
        genesis: &[u8],
        via: NodeId,
    ) -> Result<GroupId, MembershipError> {
        let group = ticket.invite()?.group;
        let fits = Cid::of(horahora_protocol::Codec::DagCbor, genesis) == group;
        let read = Genesis::decode(genesis).ok().filter(|_| fits).ok_or(MembershipError::UnknownGroup)?;
        let row: Option<JoinRow> = self.store.get(&JOINS, &id.to_bytes())?;
        let Some(row) = row else { return Ok(group) };
        let known = self.own.lock().await.get(&group).cloned();
        if known.is_none_or(|own| own.left) {
            let own = OwnFeed {
                group,
                genesis: Block(genesis.to_vec()),
                group_name: read.name.clone(),
                incarnation: row.incarnation,
                head: None,
                left: false,
            };
            self.enter(&own, &read, via).await?;
        }
        self.forget_join(id).await?;
        Ok(group)
    }

    /// Says who this node is in groups where it has not yet: it may only after its admission is known here.
    pub async fn introduce(&self) {
        let own = self.own.lock().await.clone();
        for own in own.values().filter(|own| own.head.is_none() && !own.left) {
            if self.groups.role(&own.group).is_some()
                && let Err(error) = self.publish(&[own.group], self.profile(), |_, _| ()).await
            {
                tracing::error!("this node cannot introduce itself: {error}");
            }
        }
    }

    /// Gives a node a role, or with none removes it.
    ///
    /// # Errors
    /// When this node may not.
    pub async fn rule(
        &self,
        group: &GroupId,
        node: &NodeId,
        role: Option<Role>,
    ) -> Result<(), MembershipError> {
        let view = self.view(group)?;
        if !view.group.may_rule(&self.key.node_id(), node) {
            return Err(MembershipError::NotAllowed(
                "only an admin may change that node's role, and only one nearer to the group's founder than it",
            ));
        }
        let known = view.group.members.contains_key(node) || view.group.gone.contains_key(node);
        if !known && role.is_none() {
            return Err(MembershipError::NotAllowed("that node is not in the group"));
        }
        let heads = self.others(group)?.into_iter().filter(|(feed, _)| feed.node == *node);
        let mut last: Vec<_> = heads.map(|(feed, head)| (feed.incarnation, head.seq)).collect();
        last.sort_unstable_by(|a, b| b.cmp(a));
        last.truncate(limits::LIVES);
        self.say(group, Change::Rule { node: *node, role, last }).await?;
        if role.is_none() && !view.group.public {
            let number = view.group.key.as_ref().map_or(0, |key| key.number);
            self.say(group, Change::Key(new_key(number))).await?;
        }
        Ok(())
    }

    /// Sets whether members who are no admins may invite.
    ///
    /// # Errors
    /// When this node is no admin.
    pub async fn set_policy(&self, group: &GroupId, members_invite: bool) -> Result<(), MembershipError> {
        let view = self.view(group)?;
        if view.group.role(&self.key.node_id()) != Some(Role::Admin) {
            return Err(MembershipError::NotAllowed("only an admin sets the group's policy"));
        }
        let number = view.group.policy.saturating_add(1);
        let change = Change::Policy { number, members_invite, last: view.admissions() };
        Ok(self.say(group, change).await?)
    }

    /// Says what waits for approval in a group, and how it sorts videos.
    ///
    /// # Errors
    /// When this node is no admin there, a list is too long, or the disk fails.
    pub async fn set_rules(&self, group: &GroupId, rules: Rules) -> Result<(), MembershipError> {
        let view = self.view(group)?;
        if view.group.role(&self.key.node_id()) != Some(Role::Admin) {
            return Err(MembershipError::NotAllowed("only an admin says what waits for approval"));
        }
        if !rules.is_bounded() {
            return Err(MembershipError::NotAllowed("a group has at most 64 categories of 64 words"));
        }
        let number = view.group.rules_number.saturating_add(1);
        Ok(self.say(group, Change::Rules { number, rules }).await?)
    }

    /// Leaves a group. What is here of it stays.
    ///
    /// # Errors
    /// When this node is not in it, or it is the one that it began with.
    pub async fn leave(&self, group: &GroupId) -> Result<(), MembershipError> {
        if *group == self.home {
            return Err(MembershipError::NotAllowed("this is the group that the node began with; it stays"));
        }
        let inside = self.own.lock().await.get(group).is_some_and(|own| !own.left);
        if !inside || self.groups.role(group).is_none() {
            return Err(MembershipError::UnknownGroup);
        }
        self.say(group, Change::Leave).await?;
        let mut own = self.own.lock().await;
        if let Some(known) = own.get(group).cloned() {
            let next = OwnFeed { left: true, ..known };
            let mut batch = Batch::default();
            self.put_own(&mut batch, &next);
            self.store.write(batch)?;
            self.store.durable().await?;
            own.insert(*group, next);
        }
        drop(own);
        self.moved.send_replace(());
        Ok(())
    }

    /// Whether an own feed is at this place already, for those who ask.
    pub async fn own_head_in(&self, group: &GroupId) -> Option<(FeedId, horahora_protocol::feed::Head)> {
        let own = self.own.lock().await;
        let own = own.get(group)?;
        Some((super::feed_id(&self.key, own), own.head?))
    }
}

fn new_key(last: u32) -> GroupKey {
    GroupKey { number: last.saturating_add(1), secret: clock::random::<32>().to_vec() }
}
