# Desk and console: what the staff reads.
offline = Connection lost. What you typed is kept; nothing was sent.
staff-login = Login
staff-login-hint = Small letters, figures, dot, dash; for example ruth.b
staff-password = Password
staff-enter = Log in
staff-denied = That login or password is wrong. Type both again.
staff-locked = This login is locked until an administrator unlocks it, or for a while. Ask one, or wait.
staff-welcome = Welcome. Choose your password
staff-name = Your name, as colleagues and owners read it
staff-choose = Password
staff-choose-hint = At least 10 characters. Three words are easy to remember.
staff-short = That password is too short. It has at least 10 characters.
staff-taken = Somebody has this login. Choose another.
staff-no-name = Write your name.
staff-no-login = That cannot be a login: 2 to 40 small letters, figures, dots or dashes, beginning with a letter.
staff-used = This link was used already, or is older than a day. Ask for a new one.
desk-login = Log in at the desk
console-login = Log in to the console
desk-title = Desk
desk-ringing = Ringing now
desk-quiet = Nobody is ringing. Calls to { $number } appear here.
desk-claims = claims to be; not proven
desk-answer = Answer
desk-taken = Another agent was first.
desk-mine = Your calls
desk-new = New call
desk-new-number = The caller’s own number
desk-new-begin = Begin
desk-new-hint = For a desk without a telephone system. The code goes to this number.
desk-call = Call from
desk-answered = On the line
desk-ended = Ended
desk-level-0 = Not verified
desk-level-1 = Verified
desk-level-2 = Second proof
desk-send = Send now
desk-end = End call
desk-next = Next call
desk-verify = Who is calling?
desk-verify-hint = Send a code to the phone of this number. The caller keys it during this call. Do not ask for names; type nothing that is said.
desk-language = Language of the text
desk-code = Send a code
desk-code-again = Send another code
desk-code-sent = Code sent at { $time }. Waiting for the caller’s keys.
desk-tries = { $tries ->
    [one] 1 try left
   *[other] { $tries } tries left
  }
desk-no-more-codes = Two codes were sent in this call; that is all. The caller may call again.
desk-keyed-only = The caller keys the code; it is never said aloud.
desk-spoken = Code as the caller says it
desk-check = Check
desk-wrong = That code is not right.
desk-locked = Too many wrong codes. Nothing can be tried until { $time }.
desk-which = Which book?
desk-over = This call has ended
desk-over-hint = Its book is closed.
desk-line = Line
desk-line-hint = Name and number add · / searches · = changes the chosen one · . commands · ? keys
desk-enter = Do it
desk-unknown = Not understood: { $words }. It is no kind of number, no key and no group of this book.
desk-choose-first = Choose somebody first: arrow keys, or / to search.
desk-no-command = There is no command “{ $word }”. Press F1 for all keys.
desk-same-number = { $name } already has this number.
desk-perhaps-same = { $name } may already have this number.
desk-key-was = Key { $key } was { $name }.
desk-cut = The phone cuts the name: { $shown }
desk-left-out = This will not be on the phone.
desk-chip-name = Name { $name }
line-mobile = mobile
line-fixed = landline
line-fixed_or_mobile = landline or mobile
line-free = free call
line-premium = expensive
line-special = special number
line-service = service number
line-unknown = unknown number
desk-book = { $found } of { $of } people
desk-all = show all
desk-people = People in the book
desk-this = This call
desk-this-none = Nothing changed yet.
desk-confirmed = read back
desk-denied = to correct
desk-redo = Redo
desk-read = Read back
desk-read-yes = She said yes
desk-read-no = Wrong
desk-read-done = Everything was read back.
desk-space = Space
back-to-line = Back to the line
desk-parts = { $parts ->
    [one] 1 message will be sent
   *[other] { $parts } messages will be sent
  }
desk-held = Many entries change at once: this waits for a second person’s yes in the console. Until then the phone keeps the old ones.
desk-does-not-fit = { $count ->
    [one] 1 entry does not fit on the phone
   *[other] { $count } entries do not fit on the phone
  }
desk-phone = As the phone shows it
desk-end-title = End this call?
desk-end-nothing = Nothing was changed.
desk-end-text = She will get this text:
desk-end-yes = Send and close
desk-hung-up = The caller has hung up. { $yes } read back, { $no } not.
desk-send-read = Send the { $yes }
desk-send-all = Send all, mark unconfirmed
desk-undo-all = Undo all
desk-keys = All keys
desk-keys-off = Turn keys off
desk-keys-on = Turn keys on
desk-key-search = search: names, digits, pinyin
desk-key-change = change the chosen person, as = 07700 900124
desk-key-choose = choose in the book
desk-key-open = open, delete the chosen person
desk-key-undo = undo, redo a change
desk-key-tab = line, book, this call, line
desk-added = Added
desk-changed = Changed
desk-removed = Deleted
desk-connected = Connected
desk-lost = Connection lost
desk-locked-for-good = This number is locked until an administrator unlocks it.
staff-long = That password is too long. It has at most 256 letters.
