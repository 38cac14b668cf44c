brand = Kith
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
denied = That code cannot be used. Type it again, ask for a new one in five minutes, or call { $number }.
book-of = { $name }’s phone book
sum-all = Everything is on the phone
sum-some = { $left ->
    [one] 1 of { $of } is not on the phone yet
   *[other] { $left } of { $of } are not on the phone yet
  }
sum-trouble = The phone needs help. Call { $number }.
sum-empty = Nobody here yet. Add the first person, or bring a list.
capacity = { $used } of { $of } used
add = Add someone
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
edit-title = Change { $name }
name = Name on the phone
name-hint = Mum, 老王, Dr Lee – as she calls them.
number = Telephone number
save = Save
cancel = Cancel
delete = Delete
keep = Keep as it is
more = More
note = Note
speed-dial = Key on the phone (hold it to call)
speed-dial-none = None
saved = Saved.
undo = Undo
history = History
history-none = Nothing has changed yet.
history-added = Added { $name }
history-changed = Changed { $name }
history-removed = Removed { $name }
history-forgotten = an entry that was deleted long ago
by-way = { $who }, { $way }
help = Help: call { $number }
back = Back to the list
other-language = 简体中文
title-error = Error: { $title }
lost = This is not here
lost-sentence = There is no such page. Go back to the list.
delete-yes = Delete { $name }
delete-refused = It was not deleted
undo-refused = It was not undone
open = Open { $name }
keep-both = Keep both
now = In the book now: { $what }
take-theirs = Take what is in the book
kind = Kind of number
kind-none = Not said
kind-mobile = Mobile
kind-home = Home
kind-work = Work
kind-other = Other
number-other = Another number
groups = Groups
speed-dial-hint = Choose a key that somebody has, and it moves to this person.
keep-off = Not on the phone
note-hint = It stays here and is never sent to the phone.
sort-as = Sort as
sort-as-hint = Only if the name should stand under another letter.
way-desk = by telephone
way-portal = on this page
way-api = by a program
way-carddav = from an address book
way-terminal = on the phone
way-cli = by the service
way-import = from a file
search = Find someone
search-go = Find
show-all = Show everybody
found = { $count ->
    [0] Nobody found.
    [one] 1 found.
   *[other] { $count } found.
  }
sum-full = { $left ->
    [one] 1 of { $of } does not fit on the phone
   *[other] { $left } of { $of } do not fit on the phone
  }
sum-delivered = Everything was delivered. Save it on the phone.
sum-sent = Everything was sent. This phone cannot confirm.
sum-no-phone = No phone is joined to this book yet.
state-off = Phone is off – we keep trying
state-kept-off = Not on the phone, as you wish
state-no-number = No number yet
state-first-only = This phone takes the first number only
state-other-phone = Not for this phone
nothing-to-do = Nothing for you to do
why-saved = Goes to the phone in a few seconds
why-trouble = We have to look at it. Call { $number }.
why-held = Until then { $number } stays on the phone
why-full = The phone holds { $of }; this is number { $place }
why-number = This phone cannot hold this number
why-card = It was sent as a card: delete it on the phone
sum-removing = { $left ->
    [one] 1 is being removed from the phone
   *[other] { $left } are being removed from the phone
  }
menu = More of this book
groups-hint = Groups order the book: family, neighbours, doctors. A person may be in several.
group-new = Name of a new group
group-add = Add the group
group-name = Name of the group
group-delete-hint = The people in it stay in the book.
members = Who is in it
people = { $count ->
    [one] 1 person
   *[other] { $count } people
  }
lists = Bring a list, take a list
import = Bring a list
import-file = A file with contacts
import-hint = A vCard file (.vcf), as phones and mail programs write it. Who is in the book already is not doubled.
import-go = Take it in
import-no-file = Choose a file first.
import-no-card = There is no contact in this file. It must be a vCard file (.vcf).
import-large = The file is too large. Bring it in parts of 16 MB at most.
import-refused = The list was not taken in
import-sum = { $added ->
    [one] 1 person added
   *[other] { $added } people added
  }{ $left ->
    [0] {"."}
    [one] {", 1 left out."}
   *[other] , { $left } left out.
  }
import-line = The contact in line { $line }
import-added = Added
import-completed = Was here; what was missing was added
import-already = Was here already
import-group = Group
import-left = Left out
export = Take the list with you
export-hint = A vCard file with everybody in this book, for another phone or a computer.
export-go = Save the file
text-size = Size of the text
text-size-of = Text { $size } %
phone-title = This is how it looks on the phone
phone-cut = In the book: { $name }
phone-cut-hint = The phone cuts a name that is too long for it. Write it shorter, with what matters first.
phone-empty = Nobody is on the phone yet.
phone-apart = Not on this phone
preview = On the phone it will look like this
preview-cut = The phone cuts the name here
saved-held = Much was changed at once: the phone waits for a yes. Call us.
books = You are looking at the book of
other-book-open = Another book is open
other-book-hint = You changed to another book in the meantime, so nothing was saved. Go back to the list and choose the book that you mean.
family = Family
family-of = Who may open { $name }’s book
family-hint = Family can see and change this book from their own phone or computer. They log in with a code that we send to their own telephone.
family-none = Nobody but the owner so far.
family-add = Let somebody in
family-name = Name
family-number = Telephone number
family-number-hint = The number of that person’s own mobile phone. Codes to log in go there.
family-let-in = Let in
family-remove = Take out
family-remove-hint = That person can then no longer open this book. The people in it stay.
family-remove-yes = Take { $name } out
family-no-name = Write the name of the person whom you let in.
family-no-number = That is no telephone number to which a code can go. Is a part missing?
family-owner = This is the owner’s own number: it opens the book already.
password = Password
password-hint = You can log in with a code every time. With a password you need not wait for the text message.
password-new = Your new password
password-rule = At least 10 characters. Three words that belong to nobody but you are easy to remember.
password-set = Your password is set. From now on you can log in with it.
password-short = A password has at least 10 characters. Three words are easy to remember.
password-long = This password is too long. Choose a shorter one.
password-unusable = This password could not be kept. Choose another one.
login-password = Log in with a password
login-password-own = Your password
login-password-hint = Only if you have chosen one here. A code always works.
login-denied = Number and password do not belong together. Try again, ask for a code instead, or call { $number }.
no-connection = No connection. What you typed is kept.
