//! Whom the run of a job is to become, as the databases of users and groups say at that moment.

use std::collections::{BTreeSet, HashMap};
use std::ffi::CString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use rustix::process::getgroups;

use super::Identity;
use crate::clock::Moment;
use crate::config::{Process, Who};
use crate::event::NoStart;
use crate::reason::reason;
use crate::system::spawn::{Ids, by_kind};

/// How long an answer is believed: a storm of starts asks once, and who is removed is soon missed. Of
/// the files below a change is seen at once.
const BELIEVED: Duration = Duration::from_secs(1);
const FILES: [&str; 2] = ["/etc/passwd", "/etc/group"];

/// As whom a run starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub identity: Identity,
    /// None where that is whom hupd is.
    pub ids: Option<Ids>,
}

/// The accounts that were asked for lately. Asking may take its time: for a thread that can wait.
#[derive(Debug)]
pub(crate) struct Accounts {
    own: Arc<Account>,
    known: HashMap<Named, (Arc<Account>, Duration)>,
    files: Files,
}

/// User and group, as the file names them.
type Named = (Option<Who>, Option<Who>);
/// What is different after a change of the files.
type Files = [Option<(u64, u64, i64, i64)>; 2];

impl Accounts {
    /// `own` is whom hupd is.
    pub fn new(own: Identity) -> Self {
        let own = Account {
            identity: own,
            ids: None,
        };
        Self {
            own: Arc::new(own),
            known: HashMap::new(),
            files: Files::default(),
        }
    }

    /// The account of a job; the error says why there is none.
    pub fn of(&mut self, process: &Process) -> Result<Arc<Account>, NoStart> {
        let (user, group) = (&process.user, &process.group);
        if user.is_none() && group.is_none() {
            return Ok(self.own.clone());
        }
        let (now, files) = (Moment::now().elapsed, FILES.map(state_of));
        if files != self.files {
            self.known.clear();
            self.files = files;
        }
        let named = (user.clone(), group.clone());
        match self.known.get(&named) {
            Some((account, until)) if now < *until => Ok(account.clone()),
            _ => {
                let account = Arc::new(look_up(&self.own.identity, &named)?);
                self.known.insert(named, (account.clone(), now + BELIEVED));
                Ok(account)
            }
        }
    }
}

fn state_of(path: &str) -> Option<(u64, u64, i64, i64)> {
    let found = fs::metadata(path).ok()?;
    Some((found.ino(), found.size(), found.ctime(), found.ctime_nsec()))
}

fn look_up(own: &Identity, (user, group): &Named) -> Result<Account, NoStart> {
    let mut identity = match user {
        None => own.clone(),
        Some(who) => user_named(who)?,
    };
    if let Some(who) = group {
        identity.gid = Some(group_named(who)?);
    }
    let gid = identity.gid.ok_or_else(|| {
        let name = &identity.name;
        format!("user '{name}' is in no database of users, and no group_id names its group")
    })?;
    let ids = ids_of(&identity, gid)?;
    // Without the rights to become somebody there is nothing to do where it is ourselves; who is root may have been
    // started with other groups than root has, and may lack a right all the same.
    let is_own = (ids.uid, Some(ids.gid)) == (own.uid, own.gid);
    let is_whole = is_own && (own.uid != 0 || has_groups(&ids));
    let ids = (!is_whole).then_some(ids);
    Ok(Account { identity, ids })
}

/// Whether they are those of this process.
fn has_groups(ids: &Ids) -> bool {
    let own = getgroups().unwrap_or_default();
    let own = own.into_iter().map(|group| group.as_raw());
    let own: BTreeSet<u32> = own.chain([ids.gid]).collect();
    own == ids.groups.iter().copied().collect()
}

fn user_named(who: &Who) -> Result<Identity, NoStart> {
    let found = match who {
        Who::Name(name) => User::from_name(name),
        Who::Id(id) => User::from_uid(Uid::from_raw(*id)),
    };
    match (found, who) {
        (Ok(Some(user)), _) => Ok(Identity::of(user)),
        (Ok(None), Who::Id(id)) => Ok(Identity::nameless(*id)),
        (Err(errno), Who::Id(id)) if is_absence(errno) => Ok(Identity::nameless(*id)),
        (found, who) => Err(not_found(&format!("user '{who}'"), found.err())),
    }
}

fn group_named(who: &Who) -> Result<u32, NoStart> {
    let name = match who {
        Who::Id(id) => return Ok(*id),
        Who::Name(name) => name,
    };
    match Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        found => Err(not_found(&format!("group '{name}'"), found.err())),
    }
}

/// Some of the ways in which "not there" is said: see getpwnam(3).
fn is_absence(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::ENOENT | Errno::ESRCH | Errno::EBADF | Errno::EPERM
    )
}

/// What keeps a database from being read, and not merely from being there.
fn is_lack(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::EIO
    )
}

fn not_found(whom: &str, errno: Option<Errno>) -> NoStart {
    match errno {
        Some(errno) if !is_absence(errno) => not_looked_up(whom, errno),
        _ => format!("there is no {whom}").into(),
    }
}

/// That may be otherwise in a while.
fn not_looked_up(what: &str, errno: Errno) -> NoStart {
    let error = errno.into();
    by_kind(&error, format!("cannot look up {what}: {}", reason(&error)))
}

/// With all groups that list the user as a member.
fn ids_of(identity: &Identity, gid: u32) -> Result<Ids, NoStart> {
    let name = &identity.name;
    let wrong = |errno| not_looked_up(&format!("the groups of user '{name}'"), errno);
    let text = CString::new(name.as_str()).map_err(|_| wrong(Errno::EINVAL))?;
    // It tells of no error on the way: where it could not look, there would be the one group alone.
    Errno::clear();
    let groups = getgrouplist(&text, Gid::from_raw(gid)).map_err(wrong)?;
    let met = Errno::last();
    if is_lack(met) {
        return Err(wrong(met));
    }
    Ok(Ids {
        uid: identity.uid,
        gid,
        groups: groups.into_iter().map(Gid::as_raw).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_whom(user: Option<Who>, group: Option<Who>) -> Process {
        Process {
            user,
            group,
            ..Process::default()
        }
    }

    fn root() -> Option<Who> {
        Some(Who::Name("root".into()))
    }

    fn own(uid: u32, gid: u32) -> Accounts {
        let mut identity = Identity::nameless(uid);
        identity.gid = Some(gid);
        Accounts::new(identity)
    }

    #[test]
    fn a_job_that_names_nobody_runs_as_hupd() {
        let account = own(4711, 1).of(&Process::default()).unwrap();
        assert_eq!((account.identity.uid, &account.ids), (4711, &None));
    }

    #[test]
    fn a_user_has_its_groups_its_home_and_its_shell() {
        let account = own(4711, 1).of(&as_whom(root(), None)).unwrap();
        let ids = account.ids.as_ref().unwrap();
        assert_eq!((ids.uid, ids.gid), (0, 0));
        assert!(ids.groups.contains(&0), "{ids:?}");
        assert_eq!(account.identity.home, std::path::Path::new("/root"));
    }

    #[test]
    fn the_group_of_the_file_takes_the_place_of_the_users_own() {
        let account = own(0, 0).of(&as_whom(root(), Some(Who::Id(4712)))).unwrap();
        let ids = account.ids.as_ref().unwrap();
        assert_eq!((ids.uid, ids.gid), (0, 4712));
        assert!(ids.groups.contains(&4712), "{ids:?}");
        let account = own(4711, 1)
            .of(&as_whom(None, Some(Who::Id(4712))))
            .unwrap();
        let ids = account.ids.as_ref().unwrap();
        assert_eq!((ids.uid, ids.gid, &*ids.groups), (4711, 4712, &[4712][..]));
    }

    #[test]
    fn whoever_hupd_is_already_needs_no_rights() {
        let account = own(4711, 7).of(&as_whom(Some(Who::Id(4711)), Some(Who::Id(7))));
        assert_eq!(account.unwrap().ids, None);
    }

    #[test]
    fn whoever_is_not_there_is_told() {
        let mut accounts = own(0, 0);
        let mut failure = |user, group| match accounts.of(&as_whom(user, group)) {
            Err(NoStart::Refused(reason)) => reason,
            other => panic!("{other:?}"),
        };
        let nobody = Some(Who::Name("no-such-name".into()));
        assert_eq!(
            failure(nobody.clone(), None),
            "there is no user 'no-such-name'"
        );
        assert_eq!(failure(root(), nobody), "there is no group 'no-such-name'");
        let nameless = failure(Some(Who::Id(4_294_000_000)), None);
        let expected =
            "user '4294000000' is in no database of users, and no group_id names its group";
        assert_eq!(nameless, expected);
    }

    #[test]
    fn an_answer_is_believed_for_a_moment() {
        let mut accounts = own(4711, 1);
        let first = accounts.of(&as_whom(root(), None)).unwrap();
        let second = accounts.of(&as_whom(root(), None)).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        accounts.files = Files::default();
        let after_a_change = accounts.of(&as_whom(root(), None)).unwrap();
        assert!(!Arc::ptr_eq(&first, &after_a_change));
    }
}
