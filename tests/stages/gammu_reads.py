"""Business cards made by `kith sms encode`, carried as SMS-DELIVER, read by gammu: the same name and numbers come out."""

import json
import subprocess
import sys

import gammu

CARDS = [
    {"name": "Ann Lee", "numbers": ["+447700900123", "112"]},
    {"name": "王小明", "numbers": ["+8613900001234"]},
    {"name": "René Müller-Łącki", "numbers": ["07700900200p102", "*155#"]},
    {"name": "O'Neil, Jo (work)", "numbers": ["+12025550123"]},
    {"name": "Mei 🌸", "numbers": ["+447700900124"]},
    {"name": "Mum's neighbour who has the key", "numbers": [f"+4477009001{n}" for n in range(30, 40)], "ref": 9},
    {"name": "张" * 20, "numbers": ["+8613900005678"], "ref": 40000, "ref_bits": 16},
]


def deliver(dcs: int, part: dict) -> bytes:
    """The part as an SMS-DELIVER TPDU (3GPP TS 23.040 §9.2.2.1) with a header, from +447700900110."""
    sender = bytes([12, 0x91]) + bytes.fromhex("447700091001")
    at = bytes.fromhex("62115290000000")
    return bytes([0x44]) + sender + bytes([0, dcs]) + at + bytes([part["udl"]]) + bytes.fromhex(part["tp_ud"])


def read_by_gammu(made: dict) -> tuple[str, list[str]]:
    parts = [gammu.DecodePDU(deliver(int(made["dcs"], 16), part), False) for part in made["parts"]]
    if len(parts) == 1:
        # The port alone tells gammu that it is a vCard.
        kind = gammu.DecodeSMS(parts)["Entries"][0]["ID"]
        assert kind == "NokiaVCARD21Long", f"gammu takes the message for {kind}"
    else:
        linked = gammu.LinkSMS([[part] for part in reversed(parts)])
        assert len(linked) == 1, f"gammu sees {len(linked)} messages in the parts of one"
        parts = linked[0]
    entries = gammu.DecodeVCARD(b"".join(part["Text"] for part in parts).decode())["Entries"]
    names = [entry["Value"] for entry in entries if entry["Type"].startswith("Text_")]
    return " ".join(names), [entry["Value"] for entry in entries if entry["Type"].startswith("Number_")]


asked = "".join(json.dumps(card) + "\n" for card in CARDS)
answers = subprocess.run([sys.argv[1], "sms", "encode", "--json"], input=asked, capture_output=True, text=True, check=True)
made = [json.loads(line) for line in answers.stdout.splitlines()]
assert len(made) == len(CARDS), answers.stdout
for card, messages in zip(CARDS, made):
    read = read_by_gammu(messages)
    assert read == (card["name"], card["numbers"]), f"sent {card}, gammu reads {read}"
    print(f"{len(messages['parts'])} part(s): {card['name']} {card['numbers']}")
