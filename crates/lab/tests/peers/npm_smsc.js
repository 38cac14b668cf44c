#!/usr/bin/env node
// npm `smpp` (not ours) as an SMSC for Kith's client, with the habits of real ones.
//
//     npm_smsc.js N
//
// Prints its port; then, once a client has unbound, PASS or FAIL with a sentence; exit code 0 or 1. Of the N messages
// that it expects, every submit's id is hex and its receipt's decimal; receipts come before their answers, late, twice
// or as TLVs with another esm_class; the tenth from the end is throttled once.
"use strict";
const smpp = require("smpp");

const expected = Number(process.argv[2]);
const wrong = [];
const seen = new Set();
let taken = 0;
let throttled = false;
let receipts = 0;
const answered = new Set();

function receipt(session, id, to) {
  const form = id % 4;
  const text = `id:${id} sub:001 dlvrd:001 submit date:2611250904 done date:2611250904 stat:DELIVRD err:000 text:`;
  const pdu = { source_addr_ton: 1, source_addr_npi: 1, source_addr: to, destination_addr: "12345" };
  if (form === 3) {
    Object.assign(pdu, { esm_class: 0, short_message: "", message_state: 2 });
    pdu.receipted_message_id = id.toString(16).toUpperCase();
  } else {
    Object.assign(pdu, { esm_class: 4, short_message: text });
  }
  const send = () => {
    receipts += 1;
    session.deliver_sm(pdu, (answer) => {
      answered.add(id);
      if (answer.command_status !== 0) wrong.push(`a receipt was answered ${answer.command_status}`);
    });
  };
  send();
  if (form === 2) send(); // twice
}

function submit(session, pdu) {
  const message = pdu.short_message;
  const octets = Buffer.concat([...(message.udh || []), message.message].map((part) => Buffer.from(part)));
  const key = octets.toString("hex");
  const fields = [pdu.esm_class, pdu.protocol_id, pdu.data_coding, pdu.registered_delivery, pdu.dest_addr_ton];
  if (fields.join() !== [0x40, 0x7f, 0xf6, 0x11, 1].join()) wrong.push(`fields ${fields}`);
  if (taken === expected - 10 && !throttled) {
    throttled = true;
    session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
    return;
  }
  if (seen.has(key)) wrong.push(`the same octets twice: ${key}`);
  seen.add(key);
  taken += 1;
  const id = 0x2fa10000 + taken;
  const answer = () => session.send(pdu.response({ message_id: id.toString(16).toUpperCase() }));
  if (id % 4 === 0) {
    receipt(session, id, pdu.destination_addr); // before its answer
    answer();
  } else if (id % 4 === 1) {
    answer();
    setTimeout(() => receipt(session, id, pdu.destination_addr), 50);
  } else {
    answer();
    receipt(session, id, pdu.destination_addr);
  }
}

function end() {
  if (taken !== expected) wrong.push(`${taken} of ${expected} messages came`);
  if (!throttled) wrong.push("nothing was throttled");
  if (answered.size !== taken) wrong.push(`receipts of ${answered.size} of ${taken} messages were answered`);
  if (wrong.length) console.log(`FAIL npm smpp: ${wrong.slice(0, 5).join("; ")}`);
  else console.log(`PASS npm smpp: ${taken} messages, ${receipts} receipts`);
  process.exit(wrong.length ? 1 : 0);
}

const server = smpp.createServer((session) => {
  session.on("error", () => {});
  session.on("bind_transceiver", (pdu) => {
    const known = pdu.system_id === "kith" && pdu.password === "secret8";
    session.send(pdu.response(known ? { system_id: "npm" } : { command_status: smpp.ESME_RBINDFAIL }));
    session.enquire_link();
  });
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("submit_sm", (pdu) => submit(session, pdu));
  session.on("unbind", (pdu) => session.send(pdu.response(), () => {}, end));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
