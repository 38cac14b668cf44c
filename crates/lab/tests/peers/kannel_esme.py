#!/usr/bin/env python3
"""Kannel's bearerbox and smsbox (Debian `kannel`, not ours) as an ESME against the lab's carrier.

    kannel_esme.py HOST PORT SYSTEM_ID PASSWORD [DESTINATION]

Sends one SIM update (UDHI, PID 7F, DCS F6) through smsbox's sendsms and waits for the delivery report that the
carrier's receipt becomes. Prints PASS or FAIL with a sentence; exit code 0 or 1. Both boxes are ended.
"""
import http.server
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

CONF = """
group = core
admin-port = {admin}
admin-password = admin
status-password = admin
smsbox-port = {box}
box-allow-ip = 127.0.0.1
log-level = 1

group = smsc
smsc = smpp
smsc-id = lab
host = {host}
port = {port}
transceiver-mode = true
smsc-username = {system_id}
smsc-password = {password}
system-type = ""
interface-version = 34
enquire-link-interval = 30

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {box}
sendsms-port = {send}
log-level = 1

group = sendsms-user
username = kith
password = kith
user-allow-ip = 127.0.0.1
max-messages = 10
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, try_it, seconds=20):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        try:
            if try_it():
                return
        except (OSError, urllib.error.URLError):
            pass
        time.sleep(0.1)
    raise RuntimeError(f"{what} within {seconds} s")


def fetch(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


def main(host, port, system_id, password, destination="447700900999"):
    reports = queue.Queue()

    class Report(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            reports.put(query)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    listener = http.server.HTTPServer(("127.0.0.1", 0), Report)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    ports = {"admin": free_port(), "box": free_port(), "send": free_port()}
    with tempfile.TemporaryDirectory() as folder:
        conf = os.path.join(folder, "kannel.conf")
        with open(conf, "w", encoding="ascii") as file:
            file.write(CONF.format(host=host, port=port, system_id=system_id, password=password, **ports))
        boxes = []
        log = open(os.path.join(folder, "log"), "wb")
        try:
            boxes.append(subprocess.Popen(["bearerbox", "-v", "2", conf], stdout=log, stderr=log))
            status = f"http://127.0.0.1:{ports['admin']}/status.txt?password=admin"
            wait_for("bearerbox is bound to the carrier", lambda: "(online" in fetch(status))
            boxes.append(subprocess.Popen(["smsbox", "-v", "2", conf], stdout=log, stderr=log))
            send = {
                "username": "kith", "password": "kith", "from": "12345", "to": "+" + destination,
                "udh": "%02%70%00", "text": "%00%15%06%19%35%35", "coding": "1", "mclass": "2", "alt-dcs": "1", "pid": "127",
                "dlr-mask": "3",
                "dlr-url": f"http://127.0.0.1:{listener.server_port}/dlr?type=%d&answer=%A",
            }
            raw = {"udh", "text"}  # already percent-encoded octets
            query = "&".join(f"{key}={value if key in raw else urllib.parse.quote_plus(value)}" for key, value in send.items())
            wait_for("smsbox takes the message", lambda: "Accepted" in fetch(f"http://127.0.0.1:{ports['send']}/cgi-bin/sendsms?{query}"))
            try:
                report = reports.get(timeout=20)
            except queue.Empty:
                return "no delivery report within 20 s"
        finally:
            for box in reversed(boxes):
                box.terminate()
            for box in boxes:
                try:
                    box.wait(10)
                except subprocess.TimeoutExpired:
                    box.kill()
            log.close()
    print(f"PASS kannel: a SIM update sent, report of type {report.get('type')}")
    return None


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    try:
        wrong = main(*sys.argv[1:])
    except Exception as error:  # a box that cannot be started is a failure with its words
        wrong = f"{type(error).__name__}: {error}"
    if wrong:
        print(f"FAIL kannel: {wrong}")
        sys.exit(1)
