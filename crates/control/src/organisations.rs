//! Organisations and their shared groups: a change of one is one row, its journal record, and a campaign that waits for a
//! person's second look (rule 9). Members are in `members`, what goes out in `campaigns`.

use crate::carry::value;
use crate::{Control, EditError, EditOptions, Event};
use book::{
    Actor, ChangeBody, Edit, Friend, FriendDraft, FriendNo, FriendPatch, GroupNo, Language,
    Organisation, OrganisationNo, Revision, Rules, SHARED, SharedGroup, Way,
};
use delivery::{Campaign, CampaignNo, CampaignState, Carried, Progress};
use identity::OrganisationGrant;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::{DocumentWrite, Job, Refused, StoreError};

pub(crate) const ORGANISATION: &str = "organisation";
pub(crate) const GROUP: &str = "shared-group";
/// A group's friends at a revision: written once.
pub(crate) const CONTENT: &str = "shared-content";
/// A group's [`Carried`].
pub(crate) const CARRIED: &str = "carried";
pub(crate) const CAMPAIGN: &str = "campaign";
/// Campaigns that are running or paused.
pub(crate) const OPEN: &str = "campaign-open";
const CHANGE: &str = "shared-change";
const NEXT: &str = "shared-next";

/// How often a change is made again when others write at the same time.
pub(crate) const ATTEMPTS: u32 = 16;
/// Most friends of a shared group: every member's terminal must hold them beside his own.
const FRIENDS: usize = 1_000;

/// A shared group as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedState {
    /// As it was last edited.
    pub group: SharedGroup,
    /// The campaign that waits to be started.
    pub planned: Option<CampaignNo>,
    /// The last one that was started.
    pub newest: Option<CampaignNo>,
}

/// What somebody wants to change of a shared group. Its friends have no key and no mark of emergency: those are the
/// owner's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SharedEdit {
    /// A new friend.
    Add(FriendDraft),
    /// Some fields of a friend.
    Change(FriendNo, FriendPatch),
    /// A friend goes.
    Remove(FriendNo),
    /// The group's name; no terminal shows it.
    Rename(String),
}

/// A change of a shared group that was committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedEdited {
    /// The group's revision now.
    pub revision: Revision,
    /// The friend that it is about.
    pub friend: Option<FriendNo>,
    /// The campaign that will bring it to the members, once started.
    pub campaign: Option<CampaignNo>,
}

/// A journal record of a shared group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedChange {
    /// The group's revision after it.
    pub revision: Revision,
    /// When, ms UTC.
    pub at: i64,
    /// By whom.
    pub actor: Actor,
    /// By which way.
    pub way: Way,
    /// What.
    pub body: ChangeBody,
}

/// A shared group that a subscriber carries, as his pages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedFrom {
    /// Which.
    pub group: GroupNo,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub organisation: String,
}

/// Numbers given so far, over the whole store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Given {
    organisation: u32,
    group: u32,
    friend: u32,
    /// Of campaigns and joinings.
    campaign: u64,
}

pub(crate) fn group_key(group: GroupNo) -> String {
    format!("{:010}", group.0)
}

pub(crate) fn content_key(group: GroupNo, revision: Revision) -> String {
    format!("{:010}/{:016x}", group.0, revision.0)
}

/// The newest campaign first.
pub(crate) fn campaign_key(no: CampaignNo) -> String {
    format!("{:016x}", !no.0)
}

fn organisation_key(no: OrganisationNo) -> String {
    format!("{:010}", no.0)
}

/// A document that is written only if it is as it was read.
pub(crate) struct Read<T> {
    pub value: T,
    pub version: u64,
}

impl<T: Serialize> Read<T> {
    pub(crate) fn write(&self, kind: &'static str, key: String) -> DocumentWrite {
        DocumentWrite::put(kind, key, &self.value).expecting(self.version)
    }
}

impl Read<Campaign> {
    /// A campaign's documents: itself, and whether it is running or paused.
    pub(crate) fn writes(&self) -> [DocumentWrite; 2] {
        let key = campaign_key(self.value.no);
        let open = matches!(
            self.value.state,
            CampaignState::Running | CampaignState::Paused
        );
        [
            self.write(CAMPAIGN, key.clone())
                .indexed(group_key(self.value.group)),
            if open {
                DocumentWrite::put(OPEN, key, &self.value.no)
            } else {
                DocumentWrite::remove(OPEN, key)
            },
        ]
    }
}

impl Control {
    pub(crate) async fn look_up<T: DeserializeOwned + Default>(
        &self,
        kind: &'static str,
        key: String,
    ) -> Result<Read<T>, StoreError> {
        let found = self.find(kind, key).await?;
        Ok(found.unwrap_or(Read {
            value: T::default(),
            version: 0,
        }))
    }

    pub(crate) async fn find<T: DeserializeOwned>(
        &self,
        kind: &'static str,
        key: String,
    ) -> Result<Option<Read<T>>, StoreError> {
        let document = self.store().document(kind, &key).await?;
        Ok(document.and_then(|document| {
            let value = serde_json::from_str(&document.value);
            let value = value.inspect_err(
                |error| tracing::error!(%error, kind, key, "a document cannot be read"),
            );
            Some(Read {
                value: value.ok()?,
                version: document.version,
            })
        }))
    }

    /// Draws a number: `take` counts on in what was given, and the write goes with what uses it.
    async fn draw<T>(
        &self,
        take: impl FnOnce(&mut Given) -> T,
    ) -> Result<(T, DocumentWrite), StoreError> {
        let mut given: Read<Given> = self.look_up(NEXT, "given".into()).await?;
        let taken = take(&mut given.value);
        Ok((taken, given.write(NEXT, "given".into())))
    }

    /// A number for a campaign, or for a joining: later ones are higher.
    pub(crate) async fn draw_campaign(&self) -> Result<(CampaignNo, DocumentWrite), StoreError> {
        self.draw(|given| {
            given.campaign += 1;
            CampaignNo(given.campaign)
        })
        .await
    }

    /// A page of organisations, in the order in which they were made.
    ///
    /// # Errors
    /// The store's.
    pub async fn organisations(
        &self,
        grant: &OrganisationGrant,
        after: Option<OrganisationNo>,
        limit: u32,
    ) -> Result<Vec<Organisation>, StoreError> {
        let after = after.map(organisation_key);
        let store = self.store();
        let found = store
            .documents(ORGANISATION, after.as_deref(), limit)
            .await?;
        let all = found
            .iter()
            .filter_map(|d| serde_json::from_str::<Organisation>(&d.value).ok());
        Ok(all.filter(|o| grant.may(o.no)).collect())
    }

    /// An organisation.
    ///
    /// # Errors
    /// The store's.
    pub async fn organisation(
        &self,
        grant: &OrganisationGrant,
        no: OrganisationNo,
    ) -> Result<Option<Organisation>, StoreError> {
        let found = self.find(ORGANISATION, organisation_key(no)).await?;
        Ok(found.map(|read| read.value).filter(|_| grant.may(no)))
    }

    /// A new organisation. The region is two letters.
    ///
    /// # Errors
    /// [`EditError::Refused`] for a name that cannot be.
    pub async fn add_organisation(
        &self,
        grant: &OrganisationGrant,
        name: &str,
        language: Language,
        region: &str,
        request: Option<&str>,
    ) -> Result<Organisation, EditError> {
        if !grant.may_all() {
            return Err(EditError::Forbidden);
        }
        if let Some(made) = self.made(request).await? {
            return Ok(made);
        }
        let name = book::organisation_name(name)?;
        for _ in 0..ATTEMPTS {
            let (no, given) = self
                .draw(|given| {
                    given.organisation += 1;
                    OrganisationNo(given.organisation)
                })
                .await?;
            let organisation = Organisation {
                no,
                name: name.clone(),
                language,
                region: region.to_ascii_uppercase(),
            };
            let mut writes = vec![
                given,
                DocumentWrite::put(ORGANISATION, organisation_key(no), &organisation).expecting(0),
            ];
            writes.extend(request.map(|request| self.made_document(request, &organisation)));
            if self.written(writes).await? {
                return Ok(organisation);
            }
        }
        Err(EditError::Stale)
    }

    /// Another name or language of an organisation; what is none stays.
    ///
    /// # Errors
    /// [`EditError`].
    pub async fn change_organisation(
        &self,
        grant: &OrganisationGrant,
        no: OrganisationNo,
        name: Option<&str>,
        language: Option<Language>,
    ) -> Result<Organisation, EditError> {
        for _ in 0..ATTEMPTS {
            let found = self.find::<Organisation>(ORGANISATION, organisation_key(no));
            let mut found = found.await?.filter(|_| grant.may(no));
            let read = found.as_mut().ok_or(EditError::NotFound)?;
            if let Some(name) = name {
                read.value.name = book::organisation_name(name)?;
            }
            read.value.language = language.unwrap_or(read.value.language);
            let write = read.write(ORGANISATION, organisation_key(no));
            if self.written(vec![write]).await? {
                return Ok(read.value.clone());
            }
        }
        Err(EditError::Stale)
    }

    /// The shared groups of an organisation, in the order in which they were made.
    ///
    /// # Errors
    /// The store's.
    pub async fn shared_groups(
        &self,
        grant: &OrganisationGrant,
        of: OrganisationNo,
    ) -> Result<Vec<SharedState>, StoreError> {
        if !grant.may(of) {
            return Ok(Vec::new());
        }
        let store = self.store();
        let found = store
            .documents_by_index(GROUP, &organisation_key(of))
            .await?;
        let all = found
            .iter()
            .filter_map(|d| serde_json::from_str(&d.value).ok());
        Ok(all.collect())
    }

    /// A shared group with its organisation.
    ///
    /// # Errors
    /// The store's.
    pub async fn shared_group(
        &self,
        grant: &OrganisationGrant,
        no: GroupNo,
    ) -> Result<Option<(Organisation, SharedState)>, StoreError> {
        let Some(state) = self.shared_state(grant, no).await? else {
            return Ok(None);
        };
        let organisation = self.organisation(grant, state.value.group.organisation);
        Ok(organisation.await?.map(|o| (o, state.value)))
    }

    pub(crate) async fn shared_state(
        &self,
        grant: &OrganisationGrant,
        no: GroupNo,
    ) -> Result<Option<Read<SharedState>>, StoreError> {
        let found: Option<Read<SharedState>> = self.find(GROUP, group_key(no)).await?;
        Ok(found.filter(|read| grant.may(read.value.group.organisation)))
    }

    /// A new shared group without friends and members.
    ///
    /// # Errors
    /// [`EditError`].
    pub async fn add_shared_group(
        &self,
        grant: &OrganisationGrant,
        organisation: OrganisationNo,
        name: &str,
        request: Option<&str>,
    ) -> Result<SharedState, EditError> {
        if let Some(made) = self.made(request).await? {
            return Ok(made);
        }
        let known = self.organisation(grant, organisation).await?;
        known.ok_or(EditError::NotFound)?;
        let name = book::organisation_name(name)?;
        for _ in 0..ATTEMPTS {
            let (no, given) = self
                .draw(|given| {
                    given.group += 1;
                    GroupNo(SHARED | given.group)
                })
                .await?;
            let state = SharedState {
                group: SharedGroup::new(no, organisation, &name),
                planned: None,
                newest: None,
            };
            let mut writes = vec![
                given,
                DocumentWrite::put(GROUP, group_key(no), &state)
                    .indexed(organisation_key(organisation))
                    .expecting(0),
                DocumentWrite::put(CARRIED, group_key(no), &Carried::default()),
                DocumentWrite::put(CONTENT, content_key(no, Revision(0)), &Vec::<Friend>::new()),
            ];
            writes.extend(request.map(|request| self.made_document(request, &state)));
            if self.written(writes).await? {
                return Ok(state);
            }
        }
        Err(EditError::Stale)
    }

    /// Changes a shared group: one row, its journal record and its planned campaign, in one commit. No terminal is
    /// touched before that campaign is started.
    ///
    /// # Errors
    /// [`EditError`]; nothing was changed then.
    pub async fn edit_shared_group(
        &self,
        grant: &OrganisationGrant,
        no: GroupNo,
        edit: SharedEdit,
        options: EditOptions,
    ) -> Result<SharedEdited, EditError> {
        if let Some(made) = self.made(options.request.as_deref()).await? {
            return Ok(made);
        }
        let edit = as_edit(no, edit);
        for _ in 0..ATTEMPTS {
            let mut state = self.shared_state(grant, no).await?;
            let state = state.as_mut().ok_or(EditError::NotFound)?;
            let now = state.value.group.book.revision;
            if options.if_revision.is_some_and(|revision| revision != now) {
                return Err(EditError::Stale);
            }
            let organisation = state.value.group.organisation;
            let organisation = self.organisation(grant, organisation).await?;
            let region = organisation.ok_or(EditError::NotFound)?.region;
            let rules = Rules {
                friends: FRIENDS,
                ..Rules::new(&region)
            };
            let mut given: Read<Given> = self.look_up(NEXT, "given".into()).await?;
            let mut book = state.value.group.book.clone();
            book.next_friend = SHARED | (given.value.friend + 1);
            let outcome = book::apply(&book, &edit, &rules)?;
            let friend = outcome.changes.first().and_then(|change| change.friend);
            if outcome.changes.is_empty() {
                return Ok(SharedEdited {
                    revision: now,
                    friend: friend.or(about(&edit)),
                    campaign: state.value.planned,
                });
            }
            let drawn = given.value;
            if outcome.book.next_friend != book.next_friend {
                given.value.friend += 1;
            }
            state.value.group.book = outcome.book;
            let mut writes = self.journal_shared(grant, &state.value.group, &outcome.changes);
            let planned = self.plan_campaign(grant, &mut state.value, now, &mut given.value);
            writes.extend(planned.await?);
            if given.value != drawn {
                writes.push(given.write(NEXT, "given".into()));
            }
            let edited = SharedEdited {
                revision: state.value.group.book.revision,
                friend: friend.or(about(&edit)),
                campaign: state.value.planned,
            };
            writes.push(self.group_write(state));
            writes.extend(
                options
                    .request
                    .as_deref()
                    .map(|request| self.made_document(request, &edited)),
            );
            if self.written(writes).await? {
                self.emit(Event::Campaign {
                    group: no,
                    id: edited.campaign,
                });
                return Ok(edited);
            }
        }
        Err(EditError::Stale)
    }

    pub(crate) fn group_write(&self, state: &Read<SharedState>) -> DocumentWrite {
        let group = &state.value.group;
        state
            .write(GROUP, group_key(group.no))
            .indexed(organisation_key(group.organisation))
    }

    /// The journal records of changes that end at the group's revision, and its content there.
    pub(crate) fn journal_shared(
        &self,
        grant: &OrganisationGrant,
        group: &SharedGroup,
        bodies: &[ChangeBody],
    ) -> Vec<DocumentWrite> {
        let at = self.now();
        let last = group.book.revision.0;
        let first = last + 1 - u64::try_from(bodies.len()).unwrap_or(1);
        let records = (first..).map(Revision).zip(bodies).map(|(revision, body)| {
            let change = SharedChange {
                revision,
                at,
                actor: grant.actor().clone(),
                way: grant.way(),
                body: body.clone(),
            };
            // The newest first.
            DocumentWrite::put(
                CHANGE,
                content_key(group.no, Revision(!revision.0)),
                &change,
            )
        });
        let friends: Vec<&Friend> = group.book.friends.values().collect();
        let content = content_key(group.no, group.book.revision);
        records
            .chain([DocumentWrite::put(CONTENT, content, &friends)])
            .collect()
    }

    /// The campaign of what differs from what was started last: a new one, the planned one with more in it, or none any
    /// more when nothing differs.
    async fn plan_campaign(
        &self,
        grant: &OrganisationGrant,
        state: &mut SharedState,
        before: Revision,
        given: &mut Given,
    ) -> Result<Vec<DocumentWrite>, EditError> {
        let to = state.group.book.revision;
        let known = match state.planned {
            Some(no) => self.find::<Campaign>(CAMPAIGN, campaign_key(no)).await?,
            None => None,
        };
        let from = known.as_ref().map_or(before, |known| known.value.from);
        let there = self.content(state.group.no, from).await?;
        let same = state.group.book.friends.values().eq(there.iter());
        if let Some(mut known) = known {
            known.value.to = to;
            if same {
                known.value.state = CampaignState::Cancelled;
                known.value.ended = Some(self.now());
                state.planned = None;
            }
            return Ok(known.writes().into());
        }
        if same {
            return Ok(Vec::new());
        }
        given.campaign += 1;
        let no = CampaignNo(given.campaign);
        let campaign = Read {
            value: Campaign {
                no,
                group: state.group.no,
                from,
                to,
                until: None,
                undoes: None,
                state: CampaignState::Planned,
                all_marked: false,
                pace: None,
                progress: Progress::default(),
                by: grant.actor().clone(),
                at: self.now(),
                started: None,
                ended: None,
            },
            version: 0,
        };
        state.planned = Some(no);
        Ok(campaign.writes().into())
    }

    /// A group's friends at a revision, in order of their numbers.
    pub(crate) async fn content(
        &self,
        group: GroupNo,
        revision: Revision,
    ) -> Result<std::sync::Arc<Vec<Friend>>, StoreError> {
        let contents = std::sync::Arc::clone(&self.0.contents);
        self.store()
            .read(move |reads| contents.of(reads, group, revision))
            .await
    }

    /// A shared group's journal, newest first; behind the change that made `before`.
    ///
    /// # Errors
    /// The store's.
    pub async fn shared_changes(
        &self,
        grant: &OrganisationGrant,
        group: GroupNo,
        before: Option<Revision>,
        limit: u32,
    ) -> Result<Vec<SharedChange>, StoreError> {
        if self.shared_state(grant, group).await?.is_none() {
            return Ok(Vec::new());
        }
        let after = before.map_or_else(
            || format!("{:010}/", group.0),
            |before| content_key(group, Revision(!before.0)),
        );
        let found = self.store().documents(CHANGE, Some(&after), limit).await?;
        let own = format!("{:010}/", group.0);
        let own = found.iter().filter(|d| d.key.starts_with(&own));
        Ok(own
            .filter_map(|d| serde_json::from_str(&d.value).ok())
            .collect())
    }

    /// Writes documents; `false` when somebody else wrote one of them meanwhile.
    pub(crate) async fn written(&self, writes: Vec<DocumentWrite>) -> Result<bool, StoreError> {
        match self.store().run(Job::Documents(writes)).await {
            Ok(()) => Ok(true),
            Err(StoreError::Refused(Refused::Stale)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The shared groups that a subscriber carries, by name.
    pub(crate) async fn shared_of(
        &self,
        subscriber: book::SubscriberId,
    ) -> Result<Vec<SharedFrom>, StoreError> {
        self.store()
            .read(move |reads| {
                let mut found = Vec::new();
                for (_, group) in reads.memberships(&[subscriber])? {
                    let state = value::<SharedState>(reads, GROUP, &group_key(group))?;
                    let Some(SharedState { group: shared, .. }) = state else {
                        continue;
                    };
                    let key = organisation_key(shared.organisation);
                    let organisation = value::<Organisation>(reads, ORGANISATION, &key)?;
                    found.push(SharedFrom {
                        group,
                        name: shared.name().to_owned(),
                        organisation: organisation.map(|o| o.name).unwrap_or_default(),
                    });
                }
                Ok(found)
            })
            .await
    }
}

/// The edit as the book knows it: every friend is in the group, and in nothing else.
fn as_edit(no: GroupNo, edit: SharedEdit) -> Edit {
    match edit {
        SharedEdit::Add(draft) => Edit::AddFriend(FriendDraft {
            groups: [no].into(),
            speed_dial: None,
            emergency: false,
            keep_off_phone: false,
            ..draft
        }),
        SharedEdit::Change(friend, patch) => Edit::ChangeFriend {
            friend,
            patch: FriendPatch {
                groups: None,
                speed_dial: None,
                emergency: None,
                keep_off_phone: None,
                ..patch
            },
            based_on: None,
        },
        SharedEdit::Remove(friend) => Edit::RemoveFriend(friend),
        SharedEdit::Rename(name) => Edit::ChangeGroup {
            group: no,
            name: Some(name),
            friends: None,
        },
    }
}

fn about(edit: &Edit) -> Option<FriendNo> {
    match edit {
        Edit::ChangeFriend { friend, .. } | Edit::RemoveFriend(friend) => Some(*friend),
        _ => None,
    }
}
