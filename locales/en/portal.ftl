brand = Kith
skip = Skip to the list
login-title = Log in
login-number = Your telephone number
login-number-hint = The number of the phone whose book you want to see.
login-send = Send me a code
login-code-title = Type the code
login-code = The six digits from the text message
login-code-hint = We sent a text message to that phone, if its number is known here. It can take a minute.
login-enter = Log in
login-again = Send another code
log-out = Log out
error = Error
denied-wrong = { $left ->
    [one] That code is not right. You can try once more.
   *[other] That code is not right. You can try { $left } more times.
  }
denied-over = This code cannot be used any more. Ask for a new one.
denied-locked = Too many wrong codes. Try again later, or call { $number }.
book-of = The phone book of { $name }
sum-all = Everything is on the phone
sum-some = { $left ->
    [one] 1 of { $of } is not on the phone yet
   *[other] { $left } of { $of } are not on the phone yet
  }
sum-trouble = The phone needs help
sum-empty = Nobody here yet. Add the first person.
capacity = { $used } of { $of } used
add = Add someone
search = Search
state-saved = Saved
state-held = Waits for a yes
state-sending = On its way
state-waiting = No answer yet – we keep trying
state-on_terminal = On the phone
state-delivered = Delivered – save it on the phone
state-sent = Sent – this phone cannot confirm
state-left_out = Does not fit
state-removing = Being removed
state-trouble = Needs help
state-foreign = Only on the phone
key = key { $key }
emergency = Emergency
edit-title-new = Add someone
edit-title = Change { $name }
name = Name on the phone
name-hint = Mum, 老王, Dr Lee – as she calls them.
number = Telephone number
save = Save
cancel = Cancel
delete = Delete { $name }
keep = Keep the number as it is
more = More
note = Note
speed-dial = Key on the phone
speed-dial-none = None
saved = Saved.
undo = Undo
history = History
history-none = Nothing has changed yet.
history-added = Added
history-changed = Changed
history-removed = Removed
by-way = { $who }, { $way }
help = Help: call { $number }
back = Back to the list
other-language = 简体中文
no-person = This person is not in the book any more.
