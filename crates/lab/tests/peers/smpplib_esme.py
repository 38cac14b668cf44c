#!/usr/bin/env python3
"""smpplib (PyPI, not ours) as an ESME against the lab's carrier: bind, submit, await the receipt.

    smpplib_esme.py HOST PORT SYSTEM_ID PASSWORD [DESTINATION]

Prints PASS or FAIL with a sentence; exit code 0 or 1.
"""
import sys
import time

import smpplib.client
import smpplib.consts
import smpplib.gsm


def main(host, port, system_id, password, destination="447700900999"):
    ids, receipts = [], []
    client = smpplib.client.Client(host, int(port), timeout=5)
    client.set_message_sent_handler(lambda pdu: ids.append(pdu.message_id.decode()))

    def take(pdu):
        if pdu.esm_class & 0x3C == 0x04:
            receipts.append((pdu.receipted_message_id.decode().rstrip("\0"), pdu.message_state))
        return 0

    client.set_message_received_handler(take)
    client.connect()
    client.bind_transceiver(system_id=system_id, password=password)
    parts, coding, esm_class = smpplib.gsm.make_parts("Hello from another author's library, " * 8)
    for part in parts:
        client.send_message(
            source_addr_ton=smpplib.consts.SMPP_TON_UNK,
            source_addr="12345",
            dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
            dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
            destination_addr=destination,
            short_message=part,
            data_coding=coding,
            esm_class=esm_class,
            registered_delivery=True,
        )
    limit = time.monotonic() + 10
    while time.monotonic() < limit and len(receipts) < len(parts):
        client.read_once()
    client.unbind()
    client.disconnect()
    if len(ids) != len(parts):
        return f"{len(parts)} parts were sent, {len(ids)} were answered"
    if sorted(name for name, _ in receipts) != sorted(ids):
        return f"ids {ids} do not match the receipts {receipts}"
    print(f"PASS smpplib: {len(parts)} parts sent, each with its receipt, states {[state for _, state in receipts]}")
    return None


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    try:
        wrong = main(*sys.argv[1:])
    except Exception as error:  # whatever another author's library throws is a failure with its words
        wrong = f"{type(error).__name__}: {error}"
    if wrong:
        print(f"FAIL smpplib: {wrong}")
        sys.exit(1)
