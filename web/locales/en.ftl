# The words of the page in English. The same keys stand in every language, see docs/CONTRIBUTING.md.

## Round every page

frame-skip = Skip to content
frame-logo = Horahora, home
frame-about = What { $node_name } keeps: videos that its group wants kept, whole, each byte under its hash.
frame-main = Main
frame-search-label = Search videos, or paste a link
frame-search-hint = Search, or paste a link
frame-me = Your account: { $name }
frame-theme = Theme: { $theme_word }
frame-about-link = About
frame-terms = Terms
frame-privacy = Privacy
lang-menu = Language
frame-node = Node
frame-group = Group
theme-auto = automatic
theme-light = light
theme-dark = dark
tools-missing = A tool is missing
tools-fetching = Fetching tools
nav-home = Home
nav-browse = Browse
nav-archive = Archive
nav-nodes = Nodes
nav-moderate = Moderate
nav-search = Search
nav-yours = Your videos
nav-sign-up = Make an account
nav-log-in = Log in

## Parts which several pages share

tools-title = Meanwhile
tools-why = Captures begin as soon as these are here.
card-sound-only = sound only,
follow-on = Following
follow-off = Follow
own-new = New
own-lists = Lists
own-favourites = Favourites
own-watched = Watched
own-uploads = Uploads
group-private = private
copy-button = Copy
copy-id = Copy the id { $short }
copy-address = Copy the address { $short }
copy-token = Copy the token { $short }
copy-code = Copy the code { $short }
state-queued = Queued
state-running = Running
state-waiting = Waits
state-paused = Paused
state-needs-operator = Needs you
state-done = Complete
state-failed = Failed
state-gone = Gone
state-refused = Refused
bar-done = done
bar-running = running
bar-failed = failed
bar-waiting = waiting

## Home

home-new = <b>This node is new.</b> Give it a name, say how much room it may use, and make your account.
home-set-up = Set it up
home-working = Working on
home-working-why = plays as soon as its first seconds are here
requests-all = All requests
home-popular = Popular
home-popular-why = watched most, on all nodes
home-more = More
home-empty = Nothing is archived yet
home-empty-why = Paste the link of a video, a channel or a tag. The first one plays a few seconds after its download.
archive-something = Archive something
home-log-in = Log in to archive
home-fresh = Fresh
home-fresh-why = what was archived last comes first
videos-older = Older videos

## Search

search-filters = Filters
search-site = Site
search-length = Length
search-published = Published
search-from = From year
search-to-year = To year
search-year = year
search-to = to
search-origin = Origin
search-gone = The origin has it no more
search-show = Show results
search-clear = Clear
search-terms = Search terms
search-without = without
search-remove = Remove { $text }
search-sort-by = Sort by
search-sort = Sort
search-feed-hint = What is new here, for a feed reader
search-feed = Feed
search-nothing = Nothing found
search-empty = Nothing is archived yet. Paste a link and the first video is here a few seconds after its download.
search-all-words = All words have to be in the title, the tags or the creator's name. Take one away above.
search-everything = Everything
search-pages = Pages
search-next = Next
search-all-words-filters = All words have to be in the title, the tags or the creator's name. Take one away above, or clear the filters.
browse-archive = Browse the archive

## Watch

watch-thanks = <b>Thank you.</b> The moderators of this node see your report; their answer is on your account's page.
say-label = Say something over the picture, at this moment
say-hint = Say something at this moment
say-where = Where
say-scroll = moving
say-top = above
say-bottom = below
say-colour = Colour
say-send = Say it
list-next = Next
watch-beside = Danmaku and related videos
list-go-on = Go on by itself
list-here = The list
danmaku-follow = follow
danmaku-by-time = Danmaku by time
danmaku = Danmaku
watch-related = Related
watch-plays-soon = It plays here as soon as the first seconds are stored.
watch-jump = On this page
watch-about = About
watch-copies = Copies
comments = Comments
watch-files = Files
watch-sent-at = sent { $published }
watch-published = published { $published } on { $site }
watch-favourite = Favourite
watch-download = Download
watch-origin = Origin
watch-share = Share
watch-link = Link
watch-copy-moment = Copy at this moment
watch-embed = To embed it
watch-list = List
list-new = A new list
make-it = Make it
watch-hide = Hide
watch-hide-why = Why? Who looks for it reads this
watch-hide-go = Hide it
watch-damaged = <b>The source file is damaged.</b> { $missing } of its end could not be read; the rest plays.
watch-gone = <b>Gone from { $site } since { $gone }.</b> It is kept here.
watch-hidden-by = <b>Hidden by { $by }: only moderators see it.</b> { $reason }
watch-show-again = Show it again
watch-tags = Tags
watch-own-device = sent it from their own device
watch-on-site = on { $site }
watch-all-of-them = all that is archived of them
watch-from = Where it comes from
watch-look = Look there again
watch-look-why = New comments and words are kept beside the old ones; a better picture is captured once more. It happens by itself from time to time.
watch-renditions = Renditions
watch-report = Report
report-what = What is wrong?
report-more = More about it
report-go = Tell the moderators
holders-title = Who holds it
holders-node = Node
holders-holds = Holds
keep-here = Keep here
keep-stop = Stop
keep-stop-what = keeping it here
keep-kept = Kept here
keep-let-go = Let go
keep-let-go-what = of the copy here
holders-here = (this node)
copies-none = No copy yet
copies-no-whole = No whole copy yet
copies = 
    { $n ->
        [one] 1 copy
       *[other] { $n } copies
    }
holds-none = Nothing of this video is stored yet.
holds-this = { $node } (this node)
holds-one = Only { $a } holds it.
holds-two = { $a } and { $b } hold it.
holds-more = { $a }, { $b } and { $n } more hold it.
holds-part = { $a } holds a part of it.
holds-parts = { $n } nodes hold parts of it.
blank-words = Only words and comments are kept
blank-nothing = There is nothing to play
blank-not-yet = Nothing to play yet
blank-archiving = Still being archived
vote-up = Vote up, { $n } votes
vote-down = Vote down, { $n } votes
votes-up = votes up
votes-down = votes down

## Player

player = Player
player-play = Play
player-retry = Try again
player-script = Playing here needs script.
player-no-files = Everything else works without.
player-files = Without it, take a file:
player-seek = Seek
player-play-k = Play (k)
player-mute-m = Mute (m)
player-volume = Volume
player-part = being made
danmaku-d = Danmaku (d)
danmaku-show = Show
danmaku-fold = Fold repeats (8888)
player-cc = Subtitles (c)
player-off = Off
player-subtitles = Subtitles
player-sound = Sound
player-speed = Speed
player-quality-speed = Quality and speed
player-quality = Quality
player-even = Turn loud videos down
player-keyboard = Keyboard
player-letters = Single letters work
player-pip = Picture in picture (i)
player-theatre = Theatre (t)
player-full = Full screen (f)
player-better = <b>Smaller sizes are ready.</b> The player can choose from more of them.
player-better-go = Use them
player-time = 0:00 of { $clock }
danmaku-opacity = Opacity
danmaku-size = Size
danmaku-density = Density
danmaku-area = Area

## Talk

talk-your = Your comment
talk-hint = Write a comment. { $reach }
talk-moment = 1:38 becomes a link to that moment.
talk-comment = Comment
talk-account = To comment you need an account: <a href="/sign-up">make yours</a>.
talk-log-in = To comment or vote, <a href="/login?next={ $href }">log in</a>.
talk-none = Nobody said anything yet.
talk-older = Older comments are not shown here.
talk-reply = Reply
talk-reply-to = to { $name }
talk-your-reply = Your reply to { $name }
talk-delete = Delete
talk-delete-what = your comment
talk-what-said = what { $name } said
report-more-hint = more about it
reason = Reason
talk-hide-reason = reason, shown in its place
talk-hide-it = Hide it

## Log in and sign up

login-title = Log in to { $node_name }
login-here = Accounts live on this node.
login-none-needed = You need none to watch.
login-new-open = New here? <a href="/sign-up">Make an account</a>.
login-new-invited = New here? This node takes people by invitation: <a href="/sign-up">use an invitation</a>, or ask whoever runs it.
login-closed = This node takes nobody in now.
login-forgot = Forgot your password? Whoever runs the node can set a new one.
login-operator = You run this node? Open the link that it printed at its start, or run <code>horahora login</code> on its machine for a new one.
account-name = Name
password = Password
sign-up-operator = Yours, with the rank of an admin. From then on you log in with it from anywhere.
sign-up-lives = It lives on { $node_name }. No mail address is asked for.
sign-up-invitation = Invitation
sign-up-name-hint = What others see. Letters and digits of any script.
sign-up-go = Make the account
sign-up-have = You have one? <a href="/login">Log in</a>.
password-hint = At least 8 letters. Long is better than odd.

## Watch, again

watch-in-group = in

## Account

account = Your account
account-since = { $rank } on { $node_name } since { $since }. { $may }
log-out = Log out
account-audit = What moderators did
account-people = People on this node
settings = Settings
account-sessions = Logged in
account-used = used { $seen }
account-here = This browser
account-old = The old one
account-new = The new one
account-others-out = All browsers but this one are logged out.
account-change = Change the password
account-programs = Programs
account-programs-why = A token lets a program of yours do what you can, by the API. Whoever has it is you: take it back when it is lost.
account-copy-now = <b>Copy it now:</b> it is shown once.
account-token-row = { $may }, until { $until }, { $seen }
take-back = Take it back
account-token-name = Its name
account-token-hint = what it is for
account-token-may = It may
account-days = Days
account-make-token = Make a token
token-read = read, and change nothing
token-viewer = comment, vote, keep lists
token-trusted = also ask for videos
token-moderator = also moderate
token-admin = everything that you may
account-reported = What you reported
account-no-answer = No moderator answered yet.
account-data = Your data
account-data-why = A file with your key, your lists and favourites, what you watched and what you follow. With the key you stay the same person on another node: keep it to yourself.
account-export = Export
account-delete = Delete the account
account-delete-why = The account, its key and its sessions go at once. What the archive has stays.
account-password = Your password
account-delete-go = Delete { $name }
account-key = Others know you by this key: <code class="id">{ $id }</code>

## Following, lists, library

following = New of what you follow
following-none = You follow nothing yet
following-how = Look for a tag, a creator or a word and press Follow: what comes later is listed here.
following-empty = Nothing of it is archived yet. What comes is listed here.
following-what = You follow
following-since = since { $since }
following-feed-of = of { $words }
following-end = Unfollow
library-again = Remember again
library-rest = Remember nothing for now
library-clear = Forget all
library-paused = What you watch now is not remembered.
library-private = Only you see this. Of more than 1,000 videos the oldest are forgotten.
library-none = Nothing yet
library-history-how = What you watch appears here.
library-heart-how = Below every video there is a heart: what you mark with it stays here.
library-forget = Forget
library-drop = Take away
newer = Newer
older = Older
lists-none = No list yet
lists-how = A list plays one video after the other. Make one here, or from the button “List” below a video.
list-public = For everybody here
list-own = Only you
list-name-hint = Its name
list-may-see = Everybody here may see it
list-by = by { $by }
list-only-you = only you see it
list-play = Play all
list-all = All your lists
list-change = Change it
list-name = Name
list-about = What it is about
save = Save
list-remove = Remove the list; the videos stay
list-empty = Nothing in it yet
list-how = Below every video is the button “List”.
list-missing = It is not here any more, or hidden.
list-up = Up: { $index }
list-down = Down: { $index }
list-drop = Take out: { $index }
house-markdown = In Markdown; empty brings the usual words back
house-leave = Leave it
house-write = Write this page

## Creator

creator-on = on { $site }
creator-there = their page there
creator-earlier = Also called
creator-archived = Archived
creator-order = what was heard of last comes first

## Archive

archive-what = What should be kept?
archive-hint = Paste a link: video, channel, playlist, tag or search
archive-go = Archive it
archive-group = Into the group
archive-options = Options
archive-trusted = <b>Asking for videos is for the trusted.</b> Whoever runs this node can make you one.
archive-login = <b>Watching is open. Asking for videos needs a login.</b> <a href="/login?next=/archive">Log in</a>, or open the link that the node printed at its start; <code>horahora login</code> prints a new one.
archive-requests = Requests
archive-newest = the newest first
archive-sites = Sites and cookies
archive-none = Nothing was asked for yet
archive-paste = Paste a link above. It is kept even if the original disappears later.
archive-operator = Whoever runs this node can log in and paste a link.
archive-jobs = Jobs
archive-jobs-why = who does what, and why the rest waits
archive-updates = updates by itself
request = Request
request-wanted = What is wanted of it
request-remove = Remove the request
request-remove-why = Removing it stops what has not begun; what is archived stays. Both count for the whole group.
request-videos = Videos
request-order = in the order in which they were found
request-none = Nothing is listed yet
request-none-why = The source is asked first; its videos stand here as soon as they are known.
request-more = More videos
request-origin = origin
request-of = of { $title }
request-decide = Decide
request-want = I want this, too
request-resume = Resume
request-pause = Pause
request-change = Change
wish-follow = Look for new videos from time to time
wish-comments = Keep the replies below the videos
wish-words = Only words and comments, no picture and sound
wish-newest = Only the newest
wish-all = all videos
wish-since = Published since
wish-title = Words in the title
wish-any = any
wish-height = Height at most, pixels
wish-best = best
wish-size = Size at most, MB a video
wish-priority = Priority
wish-usual = usual
wish-high = high: before others
wish-low = low: after others

## Upload

upload = Upload
upload-what = A video or sound of yours, from this device.
upload-waits = A moderator looks at it before it is shown.
upload-closed = <b>This node does not take your files.</b> Whoever runs it can change that.
upload-choose = Choose a file
upload-drop = , or drop it here
upload-kinds = MP4, MKV, WebM, MOV, MP3 and what else yt-dlp saves; at most 64 GiB
upload-title = Title
upload-description = Description
upload-tags = Tags, with commas between
upload-thumbnail = Thumbnail
upload-auto = Choose for me
upload-picture = A picture of yours; without one the node chooses
upload-go = Publish
upload-sent = What you sent
upload-sent-why = what is in the archive leaves this list after a day
upload-title-of = Title of { $file }
upload-title-hint = Its title
remove = Remove

## Set-up, sites, settings, people

setup = Set up this node
setup-lede = Four short parts. Everything can be changed later; nothing is fetched before somebody asks for it.
setup-you = You
setup-you-why = An account with the rank of an admin: from then on you log in with it from anywhere. No mail address is asked for.
setup-your-name = Your name
setup-node = This node
setup-node-name = Its name
fixed = Set when the node was started.
setup-node-hint = Other members of its groups see it.
people-accounts-are = Accounts are made
people-invited = By invitation<small>You give out codes.</small>
people-open = By anybody<small>They begin as viewers.</small>
people-closed-you = By nobody<small>It is for you alone.</small>
people-visitors = Anybody may watch what is public, without an account
setup-space = Space
setup-disk = The data folder is on a disk with { $disk }.
setup-keep-free = Always keep free, in GB
setup-keep-hint = For everything else on the disk. Below it the node stops fetching and says so.
setup-make = What to make of each video
setup-smaller = The original, and smaller sizes for watching<small>Recommended. Needs about a third more space; phones and slow lines play at once.</small>
setup-original = The original as it is<small>Less work for this machine. Other members of the group make the smaller sizes.</small>
frame-group-title = Group
setup-group-why = Members of a group share out who fetches what, and hold each other's videos. A node alone works the same way as fifty.
setup-which = Which group
setup-alone = Alone for now<small>Groups can be made and joined later, on the page Nodes.</small>
setup-new-group = A new group<small>You invite others with tickets.</small>
setup-new-name = Name of the new group
setup-members-only = Only members see what is in it
setup-ticket = A friend's group<small>With a ticket that one of its members gave you.</small>
ticket = Ticket
setup-go = Begin
people-closed = By nobody<small>Who has one keeps it.</small>
people = People
people-count = <b>{ $n }</b> with an account on this node.
people-anybody = Anybody may watch what is public.
people-only = From elsewhere only they may watch.
people-code = <b>Give this code to whom you invite.</b> It is shown once.
people-accounts = Accounts
people-nobody = Nobody yet. <a href="/sign-up">Make your own account</a>, or invite somebody.
people-you = you
people-since = since { $since }
people-locked = locked: { $reason }
people-rank-of = Rank of { $name }
people-set = Set
people-set-what = the rank of { $name }
people-for = for { $name }
people-let-in = Let in again
people-lock-hint = reason, told to them
people-lock = Lock
people-new-password = New password
people-new-hint = a new password
people-set-it = Set it
people-who = Who comes in
people-local = On this machine that is so in any case. What belongs to private groups alone is for the trusted.
people-files = Files from their own device are taken
people-files-all = of everybody; of viewers after a moderator looked at them
people-files-trusted = of trusted people
people-files-admins = of admins alone
people-invite = Invite somebody
people-left = { $uses } left, until { $until }
people-rank = Rank
people-uses = People
people-make-code = Make a code
sites = Sites
sites-closed = <b>What this node asks of sites is for whoever runs it.</b> Use the login link the node printed when it started; <code>horahora login</code> prints a new one.
sites-why = Each site is asked at a pace that it bears, from this node's own address. When it wants to be left alone, or today's budget is used up, the group's other members go on.
sites-none = No site was asked yet
sites-none-why = Each one stands here from the first request on.
sites-resume = Ask it now
sites-forget = Forget the cookies
sites-try = Try a link
sites-try-why = Asks the site as this node is set up now, with its cookies and its proxy, and fetches nothing. A video that only an account may see tells whether the cookies still work.
sites-try-go = Try it
sites-cookies = Cookies of an account
sites-cookies-why = Some videos are shown only to who is logged in at the site. Log in there with a browser, export its cookies with an extension that writes <code>cookies.txt</code>, and paste the file here. They stay on this node, and only yt-dlp reads them.
sites-file = The file
sites-keep = Keep them
settings-where = They stand in <code>{ $file }</code>, which may be edited by hand, too. <a href="/settings/log">The log</a>, <a href="/people">people</a>, <a href="/sites">sites and cookies</a>, <a href="/nodes">groups</a> and the pages <a href="/pages/about?edit=1">About</a>, <a href="/pages/terms?edit=1">Terms</a> and <a href="/pages/privacy?edit=1">Privacy</a> have their own places.
settings-saved = <b>Saved.</b> It counts once the node begins again: that takes some seconds, and goes on with what it does now.
settings-restart-now = Let it begin again now
settings-restart = Only let the node begin again

## Nodes

request-in = , in
nodes-login = <b>Looking is open. Adding nodes and joining groups needs a login.</b> Use the login link the node printed when it started; <code>horahora login</code> prints a new one.
group-invite = Invite a node
group-into = into { $name }
group-alone = Nobody else is in it yet
group-alone-do = <a href="/nodes?group={ $id }#invite">Make a ticket</a> and give it to whoever runs another node.
group-alone-why = It fills with whoever comes by a ticket.
group-role = This node is
group-read = Read by
group-read-members = its members only; who is removed can read nothing new
group-read-all = everybody; other nodes may follow it
group-approve = Before a fetch
group-tickets = Tickets are made by
group-tickets-all = admins and members
group-tickets-admins = admins only
group-only-admins = Let only admins invite
group-let-members = Let members invite
group-leave = Leave
group-leave-why = This node then does no work for { $name }. What is here stays here. To come back it needs a new ticket.
group-leave-go = Leave { $name }
group-members-of = Members of { $name }
member-now = Now
member-feed = Feed
member-version = Version
member-change = Change
member-forked = Told two stories
member-not-said = not said yet
member-free = { $free } free
member-entry = entry { $head }
member-nothing = nothing yet
member-remove = Remove it from the group
member-remove-why = What { $title } wrote until now counts on. Tickets do not let it in again.
member-remove-private = It gets nothing new; what it has it keeps.
member-remove-go = Remove { $title }
member-forks = <b>{ $forked } told two stories.</b> Two different entries carry its signature and the same number. Its key is in two places, an old backup was started beside it, or it lies. What it wrote before that counts, what came after does not, and it lets nobody in.
nodes-around = Around this node
nodes-alone = No other node yet
nodes-alone-how = Nodes in the same local network find each other. For one elsewhere, start it with one of this node's addresses:
nodes-alone-add = Or add the other node's address below, or give its operator a ticket. One side is enough.
nodes-one-side = One side is enough.
nodes-this = this node
node-link = Connection
node-sandbox = Sandbox
node-encoder = Encoder
node-id = Id
nodes-refused = Refused from others:
nodes-addresses = Addresses of this node
nodes-no-address = None is known yet that another node could use.
nodes-more = { $n } more
nodes-all = All nodes
nodes-all-why = what each holds, and what moves
nodes-add = Add a node
nodes-groups-other = Other groups
nodes-groups = Groups
nodes-groups-wait = tickets that wait,
nodes-groups-followed = followed groups,
nodes-groups-own = this node's own
join-pasted = { $reason } Ticket pasted { $since }.
join-refused = Not let in
forget = Forget
join-give-up = Give up
group-quiet = The public group that this node began with. Nobody else is in it; other nodes may follow it.
node-holds-vh = Holds:
node-link-vh = Connection:
node-in-vh = coming in:
node-out-vh = going out:
ticket-for = A ticket for { $group }
ticket-qr = QR code of the ticket
ticket-send = Send this ticket to whoever runs the other node, or let them scan it. They paste it under "Join a group". { $what }
ticket-secret = Whoever has it can come in, so show it to nobody else. It is not shown again; you can always make another one.
ticket-copy = Copy the ticket
ticket-done = Done
invite-group = Into which group
invite-role = As what
invite-member = member: works for the group
invite-follower = follower: only reads and keeps
invite-days = The ticket works for
invite-1 = 1 day
invite-7 = 1 week
invite-30 = 30 days
invite-366 = 1 year
invite-uses = How many nodes it lets in
invite-go = Make a ticket
join = Join a group
join-hint = Paste the ticket that somebody in the group gave you, all of it.
join-go = Join
make-group = Make a group
make-group-hint = What people shall call it
make-private = Private<small>Only its members can see that there is such a group, and what is in it.</small>
add-hint = Its address, as its own Nodes page shows it: the way to it, then <code>/p2p/</code> and its id. This node stays in touch with it and follows its public groups from then on.
add-go = Add it

## Moderation

desk-fetch = Before the fetch
desk-reports = Reports
desk-log = Log
audit-by = by { $by }, { $when }
audit-order = what was done last comes first
audit-none = Nothing was done yet.
audit-older = Earlier
reports-none = Nobody complains
reports-none-why = What people report stands here until a moderator answers.
reports-answer-to = Answer to { $by }
reports-answer-hint = What was done? { $by } reads it
reports-answer = Answer
reports-answered = Answered
uploads = Uploads that wait
nothing-waits = Nothing waits here
uploads-why = What viewers send stands here until a moderator takes it. Files of trusted people are taken at once.
uploads-take = Take it
uploads-why-not = Why not? { $by } reads it
uploads-refuse = Refuse

## Nodes, made in Rust

role-admin = admin
role-member = member
role-follower = follower
role-an-admin = an admin
role-a-member = a member
role-a-follower = a follower
role-own = { $role }; every node begins with a group of its own
role-is = { $title } is { $role }.
role-make = Make it { $role }
approve-always = a member approves of each video.
approve-new = a member approves of videos of new creators.
approve-never = nobody is asked.
members = 
    { $n ->
        [one] 1 member
       *[other] { $n } members
    }
members-other = 
    { $n ->
        [one] 1 other member
       *[other] { $n } other members
    }
names-and = { $first } and { $last }
reach-direct = { $n } directly
reach-relayed = { $n } through a relay
reach-others = { $n } through other nodes
reach = { $own } reaches { $near } of { $others }{ $ways }{ $rest }.
reach-ways = : { $ways }
reach-lost = ; { $name } is not reached
reach-lost-many = ; { $n } are not reached
member-here = { $role }, this node
member-direct = { $role }, direct
member-relayed = { $role }, relayed
member-others = { $role }, through others
flow-in = 
    { $n ->
        [one] coming in, from 1 node
       *[other] coming in, from { $n } nodes
    }
flow-in-none = coming in
flow-out = 
    { $n ->
        [one] going out, to 1 node
       *[other] going out, to { $n } nodes
    }
flow-out-none = going out
move-in = Comes in
move-out = Goes out
map-size = larger: more free space
map-direct = solid line: direct
map-relayed = dashed: relayed or through others
map-away = hollow, dashed: not connected
map-moving = thick line: data moves
map-follower = hollow: follower
map-lost = red: not reached
map-more = 
    { $n ->
        [one] 1 more is only in the list
       *[other] { $n } more are only in the list
    }
map-spoken = 
    { $all ->
        [one] { $own } is connected to { $near } of 1 node{ $rest }
       *[other] { $own } is connected to { $near } of { $all } nodes{ $rest }
    }
map-all = .
map-one-away = ; { $name } is not connected.
map-many-away = ; { $n } are not connected.
rank-viewer = Viewer: watches, comments, votes
rank-trusted = Trusted: also asks for videos, sees private groups
rank-moderator = Moderator: also decides what is fetched and shown
rank-admin = Admin: everything
verdict-approved = Approved
videos = 
    { $n ->
        [one] 1 video
       *[other] { $n } videos
    }

## Said by the node's pages

count-views = 
    { $n ->
        [one] 1 view
       *[other] { $n } views
    }
count-requests = 
    { $n ->
        [one] 1 request
       *[other] { $n } requests
    }
count-jobs = 
    { $n ->
        [one] 1 job
       *[other] { $n } jobs
    }
count-times = 
    { $n ->
        [one] 1 time
       *[other] { $n } times
    }
count-pieces = 
    { $n ->
        [one] 1 piece
       *[other] { $n } pieces
    }
count-renditions = 
    { $n ->
        [one] 1 rendition
       *[other] { $n } renditions
    }
count-nodes = 
    { $n ->
        [one] 1 node
       *[other] { $n } nodes
    }
count-known-nodes = 
    { $n ->
        [one] 1 known node
       *[other] { $n } known nodes
    }
count-days = 
    { $n ->
        [one] 1 day
       *[other] { $n } days
    }
ago-now = just now
ago-minutes = { $n } min ago
ago-hours = { $n } h ago
ago-date = on { $date }
until-now = now
until-seconds = in { $n } s
until-minutes = in { $n } min
until-hours = in { $n } h
message-all = All videos
message-used-link = This login link does not work any more
message-used-link-do = Each link works once and only until the node restarts. Run `horahora login` on the node's machine for a new one.
message-restart = The node begins again
message-restart-why = It takes some seconds. This page goes on by itself.
message-hidden = This video is hidden here
message-hidden-why = The moderators of this node hide it: { $reason }
message-no-video = This node does not have this video
message-no-video-do = It may be on another node, or nobody asked for it yet. Paste its link on the archive page.
message-report = The report was not taken
lede-kept = Kept
lede-shared = Shared
lede-empty = Empty
lede-working = Working
lede-idle = Idle
home-watch = to watch. { $here } whole on this node; the others come from other nodes as you watch.
home-watch-moving = to watch, and { $moving } being worked on. { $here } whole on this node; the others come from other nodes as you watch.
home-none = on this node yet.
home-kept = on this node. Every byte is kept under its hash.
home-moving = 
    { $n ->
        [one] on this node, and one is being worked on.
       *[other] on this node, and { $n } are being worked on.
    }
home-moving-many = on this node, and more than { $n } are being worked on.
archive-nothing-runs = Nothing is running
archive-running = { $jobs } running
archive-needs = cannot go on without you.
archive-waiting = { $n } waiting.
archive-failed = { $n } ended without success.
archive-lead-end = { $lead }.
archive-lead-more = { $lead };
group-and-more = { $name } and { $n } more
request-site-video = { $site } video
request-asked = { $site }, asked { $ago }
request-asked-many = { $site }, { $n } videos, asked { $ago }
request-wanted-by = , wanted by { $n } members
request-again = , looked at again { $date }
search-and = { $first } and { $last }
search-can = can be watched, of this node and of those that it knows.
search-fits = 
    { $n ->
        [one] fits the filters.
       *[other] fit the filters.
    }
search-match = 
    { $n ->
        [one] matches { $with }.
       *[other] match { $with }.
    }
search-match-without = 
    { $n ->
        [one] matches { $with }, without { $without }.
       *[other] match { $with }, without { $without }.
    }
search-only-without = without { $without }.
search-looked = Looked in titles, tags and creators.
search-found = Found in titles, tags and creators in { $ms } ms.
search-no-video = No video
term-tag = tag: { $text }
term-by = by: { $text }
term-site = site: { $text }
term-creator = by { $name } on { $site }
length-any = Any
length-short = Under 4 minutes
length-medium = 4 to 20 minutes
length-long = Longer
sort-relevance = Relevance
sort-archived = Archived last
sort-newest = Newest
sort-oldest = Oldest
sort-longest = Longest
sort-shortest = Shortest
sort-views = Most views
sort-rated = Best rated
words-without = without { $text }
words-on = on { $sites }
words-or = or
words-from = from { $year }
words-until = until { $year }
words-gone = gone from its origin
watch-makes = { $name } makes it, { $percent } %
watch-no-holder = No node that is connected now holds it. { $who } made it; it plays when { $who } or another node that holds it is connected.
watch-words-only = Its request wants what the site says of it, and no picture and sound. Where a request wants those, too, they come with the next look at the site.
fact-origin = Origin
fact-captured = Captured
fact-captured-by = { $date } by { $name }
fact-mirrored = { $date } by { $from }, mirrored by { $name }
fact-another-node = another node
fact-also = Also captured
fact-also-by = { $date } by { $name }; kept, but not the one shown
fact-changed = Changed at the origin
fact-changed-last = { $times }, last found { $date }
fact-file = { $name }, { $size } in { $pieces }
fact-made-with = Made with
fact-manifest = Manifest
rendition-copied = copied from the original
rendition-transcoded = transcoded
rendition-sound = Sound
rendition-in = in { $language }
rendition-channels = , { $n } channels
rendition-lost = , { $lost } of its end are missing
original = Original
original-file = Original, file { $number }
download-list = Open in VLC or mpv
download-list-why = a list that such players open; they play from here
download-danmaku = Danmaku of { $date } ({ $format })
download-info = Metadata
holds-made-so-far = what is made so far
holds-some = { $n } of { $all } pieces
holds-words = words and comments
holds-original = original, { $renditions }
keep-all-here = All of it is here already; keeping it makes sure that it stays.
keep-fetches = Fetches the original and every rendition from the nodes that hold them.
keep-to-fetch = { $size } to fetch, the original and every rendition.
keep-some-here = { $size } of { $all } here already.
keep-progress = { $size } of { $all }
talk-views-here = { $views }, { $here } of them here
talk-reach-node = It stays on this node, and travels to those that follow it.
talk-reach-group = It travels to all { $members } nodes of the group.
talk-here = here
talk-from-node = from node { $name }
talk-taken-back = Taken back by who wrote it.
talk-removed = Hidden by a moderator.
talk-removed-why = Hidden by a moderator: { $reason }
job-waits-tools = Waits until yt-dlp and ffmpeg are installed.
job-now = { $name } { $doing }
job-again = { $reason } Tried again { $when }.
job-waits-worker = Waits for a free worker.
job-listing = listing, { $site }
job-capture = capture, { $site }
job-rendition = { $what }, { $site }
job-keep = to be kept here, { $site }
job-look = looked at again, { $site }
job-this-node = this node
job-does = { $name } does it{ $far }.
job-delivered = It is done; a member looks whether it is all there.
job-expired = Who did it fell silent; the next one takes it.
job-no-encoders = This node makes no smaller pictures (encoders = 0); it waits for another member.
job-suits = It waits for a free worker; it suits { $name } best.
job-far = , { $percent } %
job-far-soon = , { $percent } %, less than a minute left
job-far-left = , { $percent } %, { $minutes } min left
rung-redo = what is to be made anew
rung-extras = preview pictures, loudness, subtitles
rung-av1 = { $height }p in AV1
rung-sound = another sound
list-place = { $at } of { $all }
list-detail = { $videos }, changed { $ago }
may-viewer = You watch, comment and vote.
may-trusted = You also ask for videos, and see what is in private groups.
may-moderator = You also decide what is fetched and shown.
may-admin = You run this node.
rank-name-viewer = viewer
rank-name-trusted = trusted
rank-name-moderator = moderator
rank-name-admin = admin
token-reads = reads
token-may-what = may what a { $rank } may
token-unused = never used
token-used = used { $ago }
account-ended = Logged out there.
account-changed = The password is changed.
upload-coming = Coming
upload-coming-how = { $here } of { $all } are here. If it stopped, choose the same file again: it goes on there.
upload-untitled = Needs a title
upload-untitled-how = Say what it is, and it goes on.
upload-waiting = Waiting
upload-waiting-how = A moderator looks at it first.
upload-reading = Reading
upload-reading-how = It is read and gets its number.
upload-taken = Taken
kind-broken = It does not play, or is the wrong video
kind-rights = It is mine, and I do not want it here
kind-harm = It hurts or threatens somebody
kind-unlawful = It is against the law
kind-spam = It is an advertisement
kind-other = Something else

## What a job does now

doing-asks-who-holds-it = asks who holds it
doing-asks-who-has-it-already = asks who has it already
doing-reads-the-original = reads the original
doing-publishes = publishes
doing-keeps-the-original-files = keeps the original files
doing-asks-the-site = asks the site
doing-asks-the-site-what-is-new = asks the site what is new
doing-keeps-what-is-new = keeps what is new
doing-asks-the-site-what-this-is = asks the site what this is
doing-looks-through-the-folder = looks through the folder
doing-lists-the-source = lists the source
doing-downloads = downloads
doing-packages-it = packages it
doing-transcodes = transcodes
doing-fetches = fetches

## Why something did not work, by its code

failure-gone = The origin has it no more.
failure-legal = It is blocked for legal reasons.
failure-geo = The origin does not show it in this node's country.
failure-login = The origin wants an account for it.
failure-not_yet = It is not published yet.
failure-rate_limited = The site wants us to slow down.
failure-budget = This node asked the site as much as it may for now.
failure-forbidden = The site refused it without a reason.
failure-refused = The site refused it.
failure-transient = The network or the site failed for a moment.
failure-parts = It is several videos, which stand beside it.
failure-unsupported = There is nothing that yt-dlp can archive.
failure-extractor_broken = The site changed and yt-dlp does not know it yet.
failure-postprocess = yt-dlp could not finish the files.
failure-tool_broken = A tool did not do its work.
failure-disk_full = The disk is full.
failure-local_io = This node's disk or database failed.
failure-unwanted = The options of its request leave it out.
failure-approval = It waits until a member of the group approves of it.
failure-paused = Its request is paused.
failure-no_holder = No node that is connected holds it.
failure-damaged = Nothing of the file can be read.
failure-not_media = The file holds neither picture nor sound.

## Errors, by their code

error-bad-person-name = A name has 2 to 32 letters or digits.
error-bad-password = A password has 8 to 256 letters.
error-name-taken = This name is taken.
error-wrong-password = Name or password are wrong.
error-too-many-tries = Too many tries. Wait a while.
error-not-taken-in = This node takes nobody in now, or the invitation is used up.
error-last-admin = This is the last admin; make another one first.
error-unknown-person = There is no such person here.
error-unknown-list = There is no such list, or it is not yours.
error-bad-list-name = A list needs a name.
error-shelf-full = There is no more room for another one.
error-bad-token = A token needs a name and a time.
error-bad-text = The text is empty or too long.
error-too-much = That was a lot at once. Wait a moment.
error-not-allowed = You may not do this.
error-not-a-member = This node is no member of the group.
error-bad-report = Say what is wrong.
error-uploads-closed = This node does not take your files.
error-bad-file = Choose a video or a sound first.
error-too-large = The file is too large.
error-too-many-uploads = Too many of your uploads are open.
error-disk-full = The node's disk is full.
error-upload-cut = Not all of it came. Send it again.
error-bad-words = Title, description or tags are not right.
error-bad-picture = The picture cannot be read.
error-login-needed = Log in first.
error-account-needed = This is for somebody with an account.
error-session-needed = This is for people at a browser, not for tokens.
error-other-origin = A page of another site sent this request.
error-unknown-video = This node does not know this video.
error-unknown-request = This node has no request with this id.
error-unknown-group = This node knows no group with this id.
error-unknown-creator = Nothing of this creator is archived here.
error-unknown-path = There is nothing at this address.
error-tools-not-ready = yt-dlp is being installed. Try again in a minute.
error-site-failed = The site could not be asked.
error-ticket-refused = The ticket does not work.
error-bad-address = This is no address of a node.
error-not-a-url = This is no link.
error-url-too-long = The link is too long.
error-unsupported-scheme = A link begins with https:// or http://.
error-credentials-in-url = The link holds a password.
error-private-address = The link leads into a private network.
error-bad-option = One of the options is not right.

## Said by the page's scripts

js-copied = Copied.
js-not-copied = Not copied: the browser refused it.
js-theme = Theme: { $word }
js-requested = Requested.
js-link-not-sent = Not sent: the node did not answer. Your link is still in the field.
js-link-login = Archiving needs a login. The node printed a login link when it started.
js-link-refused = The node refused it (HTTP { $status }). Your link is still in the field.
js-pause = Pause (k)
js-unmute = Unmute (m)
js-leave-full = Leave full screen (f)
js-are-here = { $time } are here
js-place = { $now } of { $all }
js-chapter = , chapter { $name }
js-surround = Surround
js-stereo = Stereo
js-automatic = Automatic
js-auto = Auto
js-now = { $height }p now
js-on = On
js-no-streams = This browser cannot play streams.
js-no-streams-do = Try another one, or take a file below.
js-stopped = The player stopped.
js-our-fault = It is our fault, not yours. Try again, or take a file below.
js-try-again = Try again, or take a file below { $code }.
js-no-video = The node did not send the video.
js-no-video-do = It may be restarting, or a piece is missing here. Try again in a moment { $code }.
js-no-list = The list of pieces cannot be read.
js-no-list-do = This browser may not know the format. Try again, or take a file below { $code }.
js-no-decode = This browser could not decode the video.
js-no-decode-do = Try another quality or browser, or take a file below { $code }.
js-said-refused = The node refused it.
js-said-not-sent = Not sent: the node did not answer. Your words are still in the field.
js-go-on = Go on
js-published-later = It is published as soon as all of it is here. Leave this page open until then.
js-some-here = { $sent } of { $total }
js-all-here = All of it is here.
js-no-node = The node cannot be reached. Choose the file again later: it goes on where it stopped.
js-picture-at = The picture at { $percent } %

## What a link is

says-nothing = Nothing there can be archived: it is no video and no list that yt-dlp knows. Paste the address of a video, a tag, a playlist or an uploader's videos.
says-page = A page that yt-dlp will look at for videos.
says-video = One video, { $site }.
says-list = A list of videos, { $site }.
says-list-about = A list of about { $n } videos, { $site }.
says-here = It is archived already.
says-known = { $known } of them are archived already.
says-known-first = { $known } of the first { $listed } are archived already.
says-takes = About { $size }, and { $time } for one node.
says-minutes = { $n } min
says-hours = { $n } h
says-days = { $n } days

## Said by the node's pages on nodes, sites and the set-up

nodes-alone-word = Alone
nodes-alone-lead = No other node is known yet.
nodes-alone-rest = Everything works all the same; with a second node nothing is lost when this one is.
nodes-not-connected = Not connected
nodes-none-connected = None of { $nodes } is connected.
nodes-none-rest = They are tried again all the time. What is on this node plays.
nodes-connected = Connected
nodes-all-connected = { $nodes } connected.
nodes-all-rest = The videos of groups that you follow or are in appear here by themselves.
nodes-some-connected = { $connected } of { $nodes } connected.
nodes-some-rest = The others are tried again all the time.
nodes-up = Up
nodes-own-group = its own group: { $name }
encoder-none = None: other members make the smaller pictures.
encoder-card = 
    { $n ->
        [one] One picture at a time, by { $card }; x264 makes what that cannot.
       *[other] { $n } pictures at once, by { $card }; x264 makes what that cannot.
    }
encoder-x264 = 
    { $n ->
        [one] One picture at a time, by x264.
       *[other] { $n } pictures at once, by x264.
    }
move-asks = What it asks for
move-since-start = { $pieces } since the start
node-in = in { $groups }
node-followed = followed: { $name }
node-mute = says nothing that this version knows
node-found = found through other nodes
node-came = connected to this node
node-never = never reached yet
node-last-seen = last seen { $ago }
node-never-seen = never seen yet
node-heard-of = heard of { $ago }
node-not-reached = Not reached
holds-in-part = { $videos }, { $part } in part, { $size }
holds-whole = { $videos }, { $size }
pieces-size = { $pieces }, { $size }
link-direct = direct, { $transport }, { $host }
link-relayed = relayed, { $transport }, { $host }
for-minutes = for { $n } min
for-hours = for { $n } h
for-days = for { $n } days
refused-bytes = pieces with a wrong hash
refused-size = pieces of a wrong size
refused-oversize = messages that are too large
refused-malformed = messages that cannot be read
refused-signature = forged signatures
refused-forged = records their sender may not write
refused-stalled = transfers that stopped half-way
refused-flood = too many messages at once
refused-fork = nodes that told two stories
refused-outsider = questions about groups the asker is not in
refused-ticket = tickets that do not work any more
refused-rendition = renditions that do not show what the original does
sandbox-whole = ffmpeg can read its input alone and has no network (Landlock).
sandbox-files = ffmpeg can read its input alone; this kernel cannot take the network from it.
sandbox-limits = ffmpeg is limited in memory and time, and in what it opens by its own lists: this kernel has no Landlock (Linux 5.13 or newer has).
ticket-what = It lets in { $who } and works for { $days }, until { $date }.
ticket-members = 
    { $n ->
        [one] one member
       *[other] { $n } members
    }
ticket-followers = 
    { $n ->
        [one] one follower
       *[other] { $n } followers
    }
ticket-admins = 
    { $n ->
        [one] one admin
       *[other] { $n } admins
    }
followed-removed = An admin removed this node. What is here of it stays.
followed-left = This node left it. What is here of it stays.
followed-since = Public, { $members }; followed since { $date }. What it has is listed here.
followed-public = Public, { $members }; followed. What it has is listed here.
followed-joining = This node is being let in; it waits for the group's feeds.
join-asked = The nodes that it names are being asked.
site-minute = { $n } of { $most } requests in the last minute,
site-today = { $requests } requests and { $bytes } today
site-of = { $n } of { $most }
site-hours = , asked { $hours }
site-open = Open
site-nothing = Nothing there can be archived, as far as yt-dlp knows.
site-had = It can be had: { $what }
site-tools = Wait until yt-dlp and ffmpeg are installed.
setup-room = { $total }, of which { $free } are free
setup-made = Your account is made
setup-trouble = { $why } Everything else is done. Try the group again on the page Nodes.

## The house's pages until somebody writes them

copies-lead = { $copies }.
nodes-give = Give one to another node.
nodes-give-run = Give one to another node: <code>horahora run --peer ADDRESS</code>
house-about = is a node of Horahora: it keeps videos that its group wants kept, shares them with other nodes, and shows them here. Every byte is kept under its hash.
house-about-more = Whoever runs this node has not written more about it yet.
house-terms = Whoever runs this node has not written terms of use.
house-terms-more = Moderators may hide videos and comments, and lock accounts. They say why.
house-privacy = What this node knows of you:
house-privacy-none = Without an account: nothing is stored. A view is counted once in half an hour and address; the address is kept in memory only.
house-privacy-account = With an account: your name, a hash of your password, your key, the browsers that are logged in, what you marked, watched, follow and put on lists. Your account's page gives you a copy and deletes all of it. So it is with what you reported, and with files that you sent and that are not in the archive yet.
house-privacy-said = Comments, danmaku and votes are signed with your key and travel to the other nodes of the group.
house-privacy-cookies = This page asks no other site for anything. Cookies: one for the session, one for the colours, one for the language. Where you left a video, and how the player is set, your own browser remembers.

## What moderators decided, comments of origins, and the log

desk-measures = Measures
watch-hide-tell = also tell other nodes
watch-take-down = Take it down for everybody
watch-taken-down-by = <b>Taken down by { $by }: nobody gets it.</b> { $reason }
message-taken-down = This video was taken down here
message-hidden-lists = The moderators of { $names } hide it, whom this node trusts: { $reason }
talk-hide-all = All that they say
and = { $first } and { $last }
measure-lists = the list of { $names }
measure-creator = everything by { $name } ({ $site }/{ $id })
measure-person = what { $key } says
measure-node = everything of node { $name } ({ $key })
measure-told = by { $by }, { $when }, told to others
measure-alone = by { $by }, { $when }, here alone
measure-counts-not = Does not count here
measure-taken-down = Taken down
measure-shown = Shown
measure-hidden = Hidden
measures-title = What moderators decided
measures-of = The list of { $name }
measures-of-what = what its moderators told others
measures-here = What stands here
measures-here-what = hidden from all but moderators, or taken down for everybody
measures-none = Nothing is hidden
measures-none-what = Hide a video on its page, a creator on theirs, a person beside what they said, or write it below.
measures-decide = Decide
measures-against = Against
measures-a-video = a video
measures-a-creator = all by a creator
measures-a-person = what a person says
measures-a-node = all of a node and its people
measures-which = Which
measures-which-hint = niconico:sm9, niconico/12345, or a key
measures-what = What
measures-hide = hide it from all but moderators
measures-lift = show it, whatever lists say
measures-tell = put it on this node's list: others read it, and it counts where they trust this node
measures-lists = Lists of other nodes
measures-lists-what = What the moderators of a node tell others is its list. Give those you trust a weight. A word counts here once the weights of all who say it add up to { $threshold }; this node's own word goes before all lists.
measures-threshold = Weight that is needed
measures-no-lists = No node has told of a measure yet.
measures-words =
    { $count ->
        [one] { $count } word on it
       *[other] { $count } words on it
    }
measures-own = this node
measures-weight-of = Weight of { $name }
measures-weigh = Weigh
measures-weightless = does not count here
measures-weight = weight { $weight }
replies-title = Comments on { $site }
replies-kept = { $count }, as they were archived
replies-more = Show { $count } more
reply-likes = { $count } liked it
reply-by-creator = who made it
logs-title = Log of the node
logs-what = The last 5,000 lines since it began. All of them are where its standard error goes.
logs-level = From
logs-errors = errors
logs-warnings = warnings
logs-happens = what happens
logs-details = details
logs-words = Words
logs-hint = a video's id, a room, a word
logs-show = Show
logs-none = Nothing like that
logs-none-what = No line of this kind was written since the node began.
