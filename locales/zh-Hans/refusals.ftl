# 没有保存的原因
name-missing = 请写上手机要显示的名字
name-too-long = 名字有{ $length }个字，最多{ $most }个。请写短一些。
control-character = { $field }里有换行或无法显示的符号。请写在一行里。
text-too-long = { $field }有{ $length }个字，最多{ $most }个。请写短一些。
number-missing = 请写上号码
number-letters = 号码只能是数字，也可以有 + * #。{ $letter ->
    [O] 字母O是不是数字0？
    [o] 字母o是不是数字0？
   *[other] “{ $letter }”不能写在号码里。
  }
number-sign = 号码只能是数字，也可以有 + * #，+ 只能在最前面。“{ $sign }”不能放在那里。
number-too-short = { $typed }：这个号码位数不对（手机号是11位）。是不是少了几位？
number-too-long = { $typed }：这个号码位数不对（手机号是11位）。是不是两个号码？
ambiguous = { $typed }有两种读法，是哪一个？
too-many-numbers = 一个人最多{ $most }个号码，现在有{ $count }个。
key-range = 快捷键{ $key }不能用，只有2到9。
emergency-full = 已经有{ $most }位紧急联系人。请先取消其中一位。
friends-full = 电话簿已满，最多{ $most }位。
groups-full = 电话簿已满，最多{ $most }个分组。
group-exists = 已经有分组“{ $name }”了。请换一个名字。
no-friend = 电话簿里已经没有这个人了。
no-group = 电话簿里已经没有这个分组了。
changed-since = 刚才有人改过：{ $fields }。请看一下两边，再保存。
other-book = 这条改动属于另一本电话簿。
forgotten = 时间太久了：当时的内容已不再保存，所以无法撤销。请重新填写。
same-number = { $name }已经是这个号码。
perhaps-same-number = { $name }可能已经是这个号码。
key-taken = 快捷键{ $key }原来是{ $name }。
edit-stale = 刚才有人改了电话簿。请看一下，再保存。
edit-forbidden = 您可以看这本电话簿，但不能修改。
edit-not-found = 电话簿里已经没有了。
edit-unavailable = 暂时无法处理，请稍后再试。
field-name = 名字
field-sort_as = 排序名
field-numbers = 号码
field-note = 备注
field-speed_dial = 快捷键
field-emergency = 紧急标记
field-keep_off_phone = “不放进手机”
field-groups = 分组
field-friends = 成员
comma = 、
