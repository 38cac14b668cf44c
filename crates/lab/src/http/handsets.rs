//! `/lab/v1/handsets`: what a handset holds, and what its owner does with it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Body, Lab, Problem};
use crate::HandsetSpec;
use crate::smsc::pdu::Message;
use crate::smsc::radio::Radio;

async fn described(lab: &Lab, radio: &Radio) -> Result<Value, Problem> {
    let view = radio.with_phone(|phone| phone.view()).await?;
    let mut told = serde_json::to_value(view).unwrap_or_default();
    let spec = lab
        .specs()
        .iter()
        .find(|spec| spec.digits() == radio.msisdn)
        .cloned();
    let call = lab.calls().get(&radio.msisdn).cloned();
    if let Value::Object(fields) = &mut told {
        fields.insert("msisdn".into(), json!(format!("+{}", radio.msisdn)));
        fields.insert("on".into(), json!(radio.is_on()));
        fields.insert("name".into(), json!(spec.as_ref().map(|s| &s.name)));
        fields.insert("language".into(), json!(spec.as_ref().map(|s| &s.language)));
        fields.insert("call".into(), json!(call));
    }
    Ok(told)
}

pub async fn list(State(lab): State<Arc<Lab>>) -> Result<Json<Value>, Problem> {
    let mut all = Vec::new();
    for radio in lab.carrier.radios() {
        all.push(described(&lab, &radio).await?);
    }
    Ok(Json(Value::Array(all)))
}

pub async fn add(
    State(lab): State<Arc<Lab>>,
    Body(spec): Body<HandsetSpec>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    if lab.carrier.radio(&spec.digits()).is_some() {
        return Err(Problem::new(
            409,
            format!(
                "there is a handset {} already: give it another number",
                spec.msisdn
            ),
        ));
    }
    let radio =
        crate::add_handset(&lab, spec).map_err(|error| Problem::new(422, error.to_string()))?;
    let told = described(&lab, &radio).await?;
    lab.carrier.tell("handset", &radio.msisdn);
    Ok((StatusCode::CREATED, Json(told)))
}

pub async fn show(
    State(lab): State<Arc<Lab>>,
    Path(msisdn): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(described(&lab, &*lab.radio(&msisdn)?).await?))
}

pub async fn file(
    State(lab): State<Arc<Lab>>,
    Path((msisdn, path)): Path<(String, String)>,
) -> Result<Json<Vec<String>>, Problem> {
    let wanted = path.clone();
    let records = lab
        .radio(&msisdn)?
        .with_phone(move |phone| phone.file(&wanted))
        .await?;
    records.map(Json).ok_or_else(|| {
        Problem::new(
            404,
            format!("this card has no file {path}: give the whole path, such as 3F00/7F10/6F3A"),
        )
    })
}

#[derive(Deserialize)]
pub struct Power {
    on: bool,
}

pub async fn power(
    State(lab): State<Arc<Lab>>,
    Path(msisdn): Path<String>,
    Body(power): Body<Power>,
) -> Result<Json<Value>, Problem> {
    let radio = lab.radio(&msisdn)?;
    radio.power(power.on);
    lab.carrier.tell("handset", &radio.msisdn);
    Ok(Json(described(&lab, &radio).await?))
}

#[derive(Deserialize)]
pub struct Typed {
    slot: usize,
    name: String,
    number: String,
}

pub async fn type_entry(
    State(lab): State<Arc<Lab>>,
    Path(msisdn): Path<String>,
    Body(typed): Body<Typed>,
) -> Result<Json<Value>, Problem> {
    let radio = lab.radio(&msisdn)?;
    let done = radio
        .with_phone(move |phone| phone.type_entry(typed.slot, &typed.name, &typed.number))
        .await?;
    done.map_err(|why| Problem::new(422, why))?;
    lab.carrier.tell("handset", &radio.msisdn);
    Ok(Json(described(&lab, &radio).await?))
}

#[derive(Deserialize)]
pub struct Sms {
    text: String,
}

pub async fn sms(
    State(lab): State<Arc<Lab>>,
    Path(msisdn): Path<String>,
    Body(sms): Body<Sms>,
) -> Result<StatusCode, Problem> {
    let radio = lab.radio(&msisdn)?;
    if !radio.is_on() {
        return Err(Problem::new(409, "this phone is off: switch it on first"));
    }
    let (data_coding, user_data) = coded(&sms.text)
        .ok_or_else(|| Problem::new(422, "a message has at most 160 characters, 70 with signs beyond the basic ones: make it shorter"))?;
    let message = Message {
        from: radio.msisdn.clone(),
        to: lab.service_number.clone(),
        data_coding,
        user_data,
        ..Message::default()
    };
    lab.carrier
        .from_handset(lab.carrier.default_account(), &message);
    Ok(StatusCode::ACCEPTED)
}

/// Text as one short message: data_coding and octets. Signs that ASCII and the GSM alphabet share go as they are
/// (3GPP TS 23.038 §6.2.1), everything else as UCS2. `None` when it does not fit one message.
fn coded(text: &str) -> Option<(u8, Vec<u8>)> {
    let shared = |c: char| c.is_ascii_alphanumeric() || " \n\r!\"#%&'()*+,-./:;<=>?".contains(c);
    if text.chars().all(shared) {
        return (text.len() <= 160).then(|| (0x00, text.as_bytes().to_vec()));
    }
    let octets: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    (octets.len() <= 140).then_some((0x08, octets))
}

#[derive(Deserialize)]
pub struct Swap {
    iccid: String,
    kic: String,
    kid: String,
}

pub async fn swap(
    State(lab): State<Arc<Lab>>,
    Path(msisdn): Path<String>,
    Body(card): Body<Swap>,
) -> Result<Json<Value>, Problem> {
    let radio = lab.radio(&msisdn)?;
    let (iccid, kic, kid) = (card.iccid.clone(), card.kic.clone(), card.kid.clone());
    let done = radio
        .with_phone(move |phone| phone.swap(&iccid, &kic, &kid))
        .await?;
    done.map_err(|why| Problem::new(422, why))?;
    crate::keep_card(&lab, &radio.msisdn, card.iccid, card.kic, card.kid)
        .map_err(|error| Problem::new(503, error.to_string()))?;
    lab.carrier.tell("handset", &radio.msisdn);
    Ok(Json(described(&lab, &radio).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_take_the_shortest_coding() {
        assert_eq!(coded("STOP"), Some((0x00, b"STOP".to_vec())));
        assert_eq!(coded("好"), Some((0x08, vec![0x59, 0x7D])));
        assert_eq!(coded("a@b").map(|(dcs, _)| dcs), Some(0x08));
        assert_eq!(coded(&"好".repeat(71)), None);
    }
}
