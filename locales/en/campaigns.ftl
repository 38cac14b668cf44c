# Organisations, shared groups and campaigns: the administrator's pages, and who brings a shared friend.
shared-from = From { $organisation }
console-campaigns = Campaigns
col-progress = Progress
col-organisation = Group
campaigns-none = No shared group was changed yet. Make an organisation below, give it a group, and whom you put into it.
organisations-title = Organisations
organisations-hint = An organisation keeps groups of people that many phones carry: a care service’s night line, a school’s office.
organisation-new = New organisation
organisation-region = Country of its numbers
organisation-language = Language
organisation-particulars = Name and language
organisation-groups = { $count ->
    [0] no group yet
    [one] 1 group
   *[other] { $count } groups
  }
shared-groups = Groups
shared-groups-hint = What you change in a group goes to no phone before you start its campaign.
shared-new = New group
shared-size = { $friends ->
    [one] 1 person
   *[other] { $friends } people
  }, { $members ->
    [one] 1 member
   *[other] { $members } members
  }
shared-waits = a change waits
shared-planned = What was changed here is on no phone yet.
shared-look = Look at it and start
shared-newest = The last campaign
shared-friends = People in this group
shared-no-friends = Nobody yet.
shared-friends-hint = On the phones they come after the owner’s own people. Keys and emergency marks stay the owner’s.
shared-add = Add a person
shared-change = Change { $name }
shared-remove = Remove { $name }
shared-second = Second number
shared-note = Note, goes to no phone
shared-members = { $count ->
    [0] No members yet
    [one] 1 member
   *[other] { $count } members
  }
shared-has = has it
shared-leave = Take out
shared-leave-name = Take { $name } out
shared-join = Add members by their own numbers
shared-join-hint = One a line. A column of a table or a vCard file may be pasted as it is.
shared-join-button = Add members
shared-joined = { $count ->
    [0] Nobody was added.
    [one] 1 number is a member now.
   *[other] { $count } numbers are members now.
  }
shared-unknown = Nobody here has, or several have: { $numbers }
shared-journal = Changes of this group
shared-added = Added
shared-removed = Removed
shared-changed = Changed
shared-rename = Name of the group
campaign-title = { $group } – { $organisation }
campaign-planned = Not started
campaign-running = Running
campaign-paused = Paused
campaign-done = Done
campaign-cancelled = Taken back
campaign-superseded = Overtaken
campaign-adds = Add { $name }
campaign-removes = Remove { $name }
campaign-changes = Change { $name }
campaign-more = { $count } more
campaign-said-planned = On no phone yet
campaign-said-proven = { $proven } of { $total } proven
campaign-said-way = { $count } on the way
campaign-said-left = { $count } still to reach
campaign-said-failed = { $count ->
    [one] 1 needs help
   *[other] { $count } need help
  }
campaign-brings = What it brings
campaign-made = Changed
campaign-began = Started
campaign-ended = Ended
campaign-undoes = Takes back
campaign-that = that campaign
campaign-pace = { $count } members a second
campaign-no-pace = as fast as the gateways
fact-pace = Pace
campaign-start = { $count ->
    [one] Start: send it to 1 member
   *[other] Start: send it to { $count } members
  }
campaign-pace-label = Members a second
campaign-pace-hint = Empty: as fast as the gateways take it. People on the line always go first.
campaign-pause = Pause
campaign-pause-hint = Nobody more is reached. What is on its way arrives.
campaign-resume = Go on
campaign-resume-hint = Goes on with the next member.
campaign-back = { $count ->
    [one] Take it back from 1 member
   *[other] Take it back from { $count } members
  }
campaign-back-hint = The group is as it was before, and everybody who was reached gets that. Nobody else gets a message.
campaign-drop = Drop this change
campaign-drop-hint = The group is as it was before. No phone was reached, so nothing is sent.
campaign-brake = Look twice: { $altered } of { $of } people of this group would be removed or get another number.
campaign-not-now = Somebody was quicker: it is not in that state any more. This is how it stands.
campaign-not-newest = The group was changed again since. Take the newer change back first.
estimate-title = What it will come to
estimate-members = Members
estimate-phones = Phones
estimate-messages = Messages
estimate-cost = Cost
estimate-time = Time
estimate-exact = { $count }
estimate-about = about { $count }
estimate-no-price = no price is set
estimate-no-limit = as fast as the gateways
estimate-seconds = { $count } s
estimate-minutes = about { $count } min
estimate-hours = about { $count } h
estimate-full = { $count ->
    [one] 1 phone has no room for all of it; the rest goes there.
   *[other] { $count } phones have no room for all of it; the rest goes there.
  }
estimate-trouble = { $count ->
    [one] 1 phone needs help first and gets nothing.
   *[other] { $count } phones need help first and get nothing.
  }
estimate-sample = Worked out from { $count } members, planned as they would be sent.
estimate-again = Work it out
campaigns-add = Add
campaigns-change = Change
