//! The sample data: invented people, fictional numbers, keys that are worth nothing.

use book::{Edit, FriendDraft, Language, NumberDraft, SubscriberId};
use control::{Control, EditOptions, NewSubscriber, NewTerminal, SharedEdit};
use identity::{Account, Grant, JobKind, OrganisationGrant, Role};
use terminals::ChannelKind;

/// Everybody's password.
pub const PASSWORD: &str = "three small words";

/// One owner of the sample data.
pub struct Owner {
    pub name: &'static str,
    pub msisdn: &'static str,
    pub pin: &'static str,
    language: Language,
    card: Option<&'static str>,
    friends: &'static [(&'static str, &'static str)],
}

pub const OWNERS: [Owner; 3] = [
    Owner {
        name: "Mum",
        msisdn: "+447700900101",
        pin: "246810",
        language: Language::En,
        card: Some("sim-28x50"),
        friends: &[
            ("Mei", "07700 900123"),
            ("Dr Lee", "07700 900456"),
            ("Taxi", "020 7946 0123"),
            ("Anna next door", "020 7946 0456"),
            ("Gas emergency", "0800 111 999"),
            ("Jack", "07700 900231"),
            ("Library", "020 7946 0789"),
            ("Nurse Ada", "07700 900310"),
            ("Rosie", "07700 900377"),
            ("小梅", "+86 139 0000 1234"),
        ],
    },
    Owner {
        name: "王奶奶",
        msisdn: "+8613900000102",
        pin: "135791",
        language: Language::ZhHans,
        card: Some("usim-28x100"),
        friends: &[("小梅", "13900001234"), ("王医生", "13900001235")],
    },
    Owner {
        name: "Uncle Joe",
        msisdn: "+447700900103",
        pin: "112358",
        language: Language::En,
        card: None,
        friends: &[("Mei", "07700 900123")],
    },
];

/// The staff and the family: role, login, name.
pub const ACCOUNTS: [(Role, &str, &str); 5] = [
    (Role::Owner, "+447700900101", "Mum"),
    (Role::Guardian, "+447700900188", "Wei"),
    (Role::Agent, "ann", "Ann"),
    (Role::Supervisor, "sue", "Sue"),
    (Role::Administrator, "ruth", "Ruth"),
];

/// The drawn phones.
pub fn handsets() -> Vec<lab::HandsetSpec> {
    OWNERS.iter().zip(1..).map(handset).collect()
}

pub fn keys(n: u8) -> (String, String) {
    (
        format!("{n:02x}").repeat(16),
        format!("{:02x}", n ^ 0xA5).repeat(16),
    )
}

fn iccid(n: u8) -> String {
    format!("894477009000000000{n:02}")
}

fn handset((owner, n): (&Owner, u8)) -> lab::HandsetSpec {
    let (kic, kid) = keys(n);
    lab::HandsetSpec {
        msisdn: owner.msisdn.into(),
        name: owner.name.into(),
        language: owner.language.tag().into(),
        card: owner.card.map(|kind| lab::CardSpec {
            kind: kind.into(),
            iccid: iccid(n),
            kic,
            kid,
        }),
    }
}

/// Puts the sample data there, once a data folder.
pub async fn put(control: &Control) -> Result<(), String> {
    let say = |error: &dyn std::fmt::Display| format!("the sample data could not be made: {error}");
    for (owner, n) in OWNERS.iter().zip(1..) {
        let known = control.store().subscribers_by_number(owner.msisdn).await;
        if !known.map_err(|error| say(&error))?.is_empty() {
            continue;
        }
        let new = NewSubscriber {
            msisdn: owner.msisdn.into(),
            name: owner.name.into(),
            language: owner.language,
            region: None,
        };
        let subscriber = control
            .create_subscriber(new)
            .await
            .map_err(|error| say(&error))?;
        let terminal = NewTerminal {
            subscriber: subscriber.id,
            channel: owner
                .card
                .map_or(ChannelKind::SmsCard, |_| ChannelKind::SimOta),
            msisdn: owner.msisdn.into(),
            card_profile: owner.card.map(Into::into),
            iccid: owner.card.map(|_| iccid(n)),
            keys: owner.card.map(|_| keys(n)),
            counter: None,
            in_use: false,
            terminal_profile: None,
        };
        control
            .add_terminal(terminal)
            .await
            .map_err(|error| say(&error))?;
        control
            .set_pin(subscriber.id, Some(owner.pin))
            .await
            .map_err(|error| say(&error))?;
        let grant = Grant::of_job(JobKind::Sample, subscriber.id);
        for (name, number) in owner.friends {
            let draft = FriendDraft {
                name: (*name).into(),
                numbers: vec![NumberDraft {
                    number: (*number).into(),
                    ..NumberDraft::default()
                }],
                ..FriendDraft::default()
            };
            let edit = control.edit(&grant, Edit::AddFriend(draft), EditOptions::default());
            edit.await.map_err(|error| say(&error))?;
        }
    }
    organisation(control).await.map_err(|error| say(&error))?;
    accounts(control).await.map_err(|error| say(&error))
}

/// A care service that two owners carry the numbers of; its campaign waits for its start at the console.
async fn organisation(control: &Control) -> Result<(), control::EditError> {
    let grant = OrganisationGrant::of_job(JobKind::Sample);
    if !control.organisations(&grant, None, 1).await?.is_empty() {
        return Ok(());
    }
    let care = control.add_organisation(&grant, "Green Care", Language::En, "GB", None);
    let care = care.await?.no;
    let group = control.add_shared_group(&grant, care, "Night line", None);
    let group = group.await?.group.no;
    for (name, number) in [
        ("Green Care night", "0800 111 222"),
        ("Nurse on call", "07700 900640"),
        ("Green Care office", "020 7946 0640"),
    ] {
        let edit = SharedEdit::Add(FriendDraft::new(name, number));
        let added = control.edit_shared_group(&grant, group, edit, EditOptions::default());
        added.await?;
    }
    let members = [OWNERS[0].msisdn.to_owned(), OWNERS[1].msisdn.to_owned()];
    control.join_by_number(&grant, group, &members).await?;
    Ok(())
}

/// Accounts, all with one password: its sum takes the longest of the start, so it is made once.
async fn accounts(control: &Control) -> Result<(), control::AccountError> {
    let mut password = None;
    for (role, login, name) in ACCOUNTS {
        if control.account(login).await?.is_some() {
            continue;
        }
        if password.is_none() {
            password = Some(control.hash(PASSWORD).await?);
        }
        let mut subscribers: Vec<SubscriberId> = Vec::new();
        if role == Role::Guardian {
            let owners = control.store().subscribers_by_number(OWNERS[0].msisdn);
            subscribers.extend(owners.await?.into_iter().map(|owner| owner.id));
        }
        let account = Account {
            login: login.into(),
            name: name.into(),
            role,
            subscribers,
            password: password.clone(),
            language: Language::En,
            disabled: false,
        };
        control.put_account(&account).await?;
    }
    Ok(())
}
