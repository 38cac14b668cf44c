# Why an edit was not made: the keys of book::Refusal and book::Warning.
name-missing = Write the name the phone should show
name-too-long = The name has { $length } characters; the most is { $most }. Write it shorter.
control-character = The { $field } holds a line break or a sign that cannot be shown. Write it on one line.
text-too-long = The { $field } has { $length } characters; the most is { $most }. Write it shorter.
number-missing = Write the number
number-letters = A number has digits, and may have + * #. { $letter ->
    [O] “O” may be zero.
    [o] “o” may be zero.
   *[other] “{ $letter }” is none of them.
  }
number-sign = A number has digits, and may have + * #, with + only in front. “{ $sign }” cannot stand there.
number-too-short = { $typed } is too short for a telephone number. Is a part missing?
number-too-long = { $typed } is too long for a telephone number. Is it two numbers?
ambiguous = { $typed } can be read in two ways. Which one is it?
too-many-numbers = { $count } numbers are too many for one person; the most is { $most }.
key-range = Key { $key } cannot be used: keys are 2 to 9.
emergency-full = There are { $most } emergency contacts already. Take the mark from another one first.
friends-full = The book is full: it holds { $most } people.
groups-full = The book is full: it holds { $most } groups.
group-exists = There is a group “{ $name }” already. Choose another name.
no-friend = This person is not in the book any more.
no-group = This group is not in the book any more.
changed-since = Changed meanwhile: { $fields }. Look at both, then save again.
other-book = This change belongs to another book.
forgotten = This was too long ago: what stood there is not kept any more, so it cannot be undone. Write it anew.
same-number = { $name } already has this number.
perhaps-same-number = { $name } may already have this number.
key-taken = Key { $key } was { $name }.
edit-stale = Somebody else changed the book at this moment. Look at it, then save again.
edit-forbidden = You may look at this book, not change it.
edit-not-found = This is not in the book any more.
edit-unavailable = We cannot answer this now. Try again in a moment.
field-name = name
field-sort_as = sort name
field-numbers = number
field-note = note
field-speed_dial = key
field-emergency = emergency mark
field-keep_off_phone = mark “not on the phone”
field-groups = groups
field-friends = members
comma = {", "}
