use super::*;

const PEPPER: &[u8] = b"pepper";

fn agent(login: &str) -> AgentRef {
    AgentRef {
        login: login.into(),
        name: login.into(),
    }
}

fn ringing() -> Call {
    let mut call = Call::ring("c1".into(), "+447700900101".into(), "0800".into(), true, 0);
    call.choices = vec![SubscriberId(7)];
    call
}

fn answered() -> Call {
    let mut call = ringing();
    call.answer(agent("ann"), 1).unwrap();
    call
}

#[test]
fn the_first_agent_has_it() {
    let mut call = answered();
    assert_eq!(call.answer(agent("bob"), 2), Err(CallRefusal::Taken));
    assert_eq!(call.answer(agent("ann"), 2), Ok(()));
    assert!(call.is_with("ann") && !call.is_with("bob"));
}

#[test]
fn nothing_before_it_is_answered_and_nothing_after_its_end() {
    let mut call = ringing();
    assert_eq!(
        call.send_code("482913", PEPPER, 1),
        Err(CallRefusal::NotAnswered)
    );
    let mut call = answered();
    assert!(call.end(None, 5));
    assert!(!call.end(None, 6));
    assert_eq!(call.send_code("482913", PEPPER, 7), Err(CallRefusal::Over));
    assert_eq!(call.try_code("482913", PEPPER, 7), Err(CallRefusal::Over));
    assert_eq!(call.answer(agent("ann"), 8), Err(CallRefusal::Over));
}

#[test]
fn a_right_code_verifies_and_a_pin_only_adds() {
    let mut call = answered();
    assert!(call.second_proof(true, 2).is_err());
    assert_eq!(call.level, 0);
    call.send_code("482913", PEPPER, 2).unwrap();
    assert_eq!(call.try_code("000000", PEPPER, 3), Ok(Tried::Wrong(2)));
    assert_eq!(call.level, 0);
    assert_eq!(call.try_code("482 913", PEPPER, 4), Ok(Tried::Right));
    assert_eq!(call.level, 1);
    assert_eq!(
        call.send_code("111111", PEPPER, 5),
        Err(CallRefusal::Verified)
    );
    call.second_proof(false, 5).unwrap();
    assert_eq!(call.level, 1);
    call.second_proof(true, 6).unwrap();
    assert_eq!(call.level, 2);
}

#[test]
fn two_codes_and_no_more() {
    let mut call = answered();
    call.send_code("111111", PEPPER, 2).unwrap();
    call.send_code("222222", PEPPER, 3).unwrap();
    assert_eq!(call.try_code("111111", PEPPER, 4), Ok(Tried::Wrong(2)));
    assert_eq!(
        call.send_code("333333", PEPPER, 5),
        Err(CallRefusal::NoMoreCodes)
    );
}

#[test]
fn a_code_of_another_call_is_worth_nothing() {
    let mut other = answered();
    other.id = "c2".into();
    other.send_code("482913", PEPPER, 2).unwrap();
    let mut call = answered();
    call.code = other.code;
    assert_eq!(call.try_code("482913", PEPPER, 3), Ok(Tried::Wrong(2)));
}

#[test]
fn an_unknown_number_is_never_verified() {
    let mut call = answered();
    call.choices.clear();
    call.send_code("482913", PEPPER, 2).unwrap();
    assert_ne!(call.try_code("482913", PEPPER, 3), Ok(Tried::Right));
    assert_eq!(call.level, 0);
}

#[test]
fn ten_quiet_minutes_end_it() {
    let mut call = answered();
    assert!(!call.is_idle(IDLE));
    assert!(call.is_idle(IDLE + 1));
    call.touch(100);
    assert!(!call.is_idle(IDLE + 99));
    call.end(None, 200);
    assert!(!call.is_idle(IDLE * 2));
}

#[test]
fn two_owners_of_one_number_are_asked_after_the_proof() {
    let mut call = answered();
    call.choices.push(SubscriberId(8));
    assert_eq!(
        call.choose(SubscriberId(8), 1),
        Err(CallRefusal::NotVerified)
    );
    call.send_code("482913", PEPPER, 2).unwrap();
    call.try_code("482913", PEPPER, 3).unwrap();
    assert_eq!(call.subscriber, None);
    assert_eq!(call.choose(SubscriberId(9), 4), Err(CallRefusal::NoChoice));
    assert_eq!(call.choose(SubscriberId(8), 4), Ok(()));
    assert_eq!(call.choose(SubscriberId(7), 5), Err(CallRefusal::NoChoice));
}
