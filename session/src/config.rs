//! Limits of sessions and of what they own, each with its unit and reason.

use std::time::Duration;

/// Bytes of an id: 256 bits cannot be guessed, however many sessions there are.
pub const ID_BYTES: usize = 32;
/// Bytes of a `Cookie` field line that is read: browsers send 4 KiB a cookie, and some dozens of them.
pub const COOKIE_LINE_BYTES_MAX: usize = 16 * 1024;
/// Life of a session that is not used, unless the site says otherwise.
pub const IDLE_DEFAULT: Duration = Duration::from_secs(14 * 24 * 3600);
/// Life of a session, used or not, unless the site says otherwise: a stolen one ends at some time.
pub const ABSOLUTE_DEFAULT: Duration = Duration::from_secs(90 * 24 * 3600);
/// Bytes of the name of a session's cookie: longer ones say nothing more.
pub const COOKIE_NAME_BYTES_MAX: usize = 64;
/// The longest life of a cookie: browsers cut longer ones (RFC 6265bis, section 5.5).
pub const COOKIE_LIFE_MAX: Duration = Duration::from_secs(400 * 24 * 3600);
/// "Last seen" is written this often at most: a page with twenty pictures is one write.
pub const SEEN_WRITE_EVERY: Duration = Duration::from_secs(60);
/// Bytes of a key: a name that an author wrote.
pub const KEY_BYTES_MAX: usize = 128;
/// Bytes of one value: more belongs into the database, under a key that the session holds.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of one session, keys and values: all of it is read when a request first looks at it.
pub const SESSION_BYTES_MAX: usize = 256 * 1024;
/// Keys of one session, flashes among them.
pub const SESSION_KEYS_MAX: usize = 128;
/// Flashes that wait to be shown; the oldest goes for a new one.
pub const FLASHES_MAX: usize = 16;
/// Bytes of a flash's kind and text together: it is a sentence.
pub const FLASH_BYTES_MAX: usize = 4 * 1024;
/// Bytes of a user's name, as the site gives it: a key of its database.
pub const USER_BYTES_MAX: usize = 255;
/// Bytes of a user agent that are kept: enough to recognise a browser in a list.
pub const USER_AGENT_BYTES_MAX: usize = 255;
/// Bytes of an address that are kept: an IPv6 address with a zone.
pub const ADDRESS_BYTES_MAX: usize = 64;
/// Sessions of one user; at a login beyond, the one that was not seen for longest ends.
pub const SESSIONS_PER_USER_MAX: usize = 64;
/// Expired sessions that one sweep removes: it runs beside requests and must not hold the store for long.
pub const SWEEP_MAX: usize = 500;
/// Sessions that one statement of a sweep removes: databases bound the values of a statement.
pub const SWEEP_CHUNK: usize = 100;
/// How often the store tries a transaction again that another one was in the way of.
pub const STORE_RETRIES: usize = 5;
/// What is asked of a client whose session could not be read or written: databases that went away are
/// tried again within this time.
pub const STORE_RETRY_AFTER: Duration = Duration::from_secs(1);
/// Sessions that the store in memory keeps, unless the site says otherwise.
pub const MEMORY_SESSIONS: usize = 100_000;
/// Bytes that the store in memory keeps, unless the site says otherwise.
pub const MEMORY_BYTES: usize = 128 * 1024 * 1024;
/// Bytes that a session takes in memory besides its keys and values: record and places in the indexes.
pub const MEMORY_RECORD_BYTES: usize = 768;
/// Bytes of sessions that a store in a database keeps in memory, each as it was read, as long as nothing is
/// committed to the database: some thousands.
pub const RECENT_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of a form in which the token is looked for: it is the first field of the forms that the
/// framework writes; a form with large files must have it before them.
pub const CSRF_BODY_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a form that are read at once.
pub const CSRF_CHUNK_BYTES: usize = 16 * 1024;
/// Parts of a multipart form that are looked at for the token.
pub const CSRF_PARTS_MAX: usize = 256;
/// Origins besides its own that a site may name.
pub const ORIGINS_MAX: usize = 32;

/// Memory of one hash in KiB. OWASP Password Storage Cheat Sheet: Argon2id with 19 MiB, two passes,
/// one lane, as the least; of its five equal choices the one of which most run at a time.
pub const ARGON2_MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
pub const ARGON2_PASSES: u32 = 2;
/// Lanes: one, since a request has one thread.
pub const ARGON2_LANES: u32 = 1;
/// Memory in KiB that a stored hash may ask for: one that asks for more was not made by us.
pub const ARGON2_MEMORY_KIB_MAX: u32 = 256 * 1024;
/// Passes that a stored hash may ask for.
pub const ARGON2_PASSES_MAX: u32 = 16;
/// Lanes that a stored hash may ask for.
pub const ARGON2_LANES_MAX: u32 = 16;
/// Bytes of a hash and of its salt (RFC 9106, section 4).
pub const ARGON2_HASH_BYTES: usize = 32;
/// Bytes of a salt.
pub const ARGON2_SALT_BYTES: usize = 16;
/// Bytes of a password: a sentence fits many times, a body of megabytes does not get hashed.
pub const PASSWORD_BYTES_MAX: usize = 1024;
/// The longest that a login waits for its turn to hash; then it is told to come back.
pub const PASSWORD_WAIT_MAX: Duration = Duration::from_secs(2);
/// Logins that wait for their turn: each holds a worker of the site.
pub const PASSWORD_WAITING_MAX: usize = 16;

/// Failed logins from one address before it must wait, and the time after which one more is free.
pub const LOGINS_PER_ADDRESS: u32 = 20;
/// See [`LOGINS_PER_ADDRESS`].
pub const LOGINS_PER_ADDRESS_EVERY: Duration = Duration::from_secs(30);
/// Failed logins to one account from one address: a person has forgotten it by then.
pub const LOGINS_PER_PAIR: u32 = 5;
/// See [`LOGINS_PER_PAIR`].
pub const LOGINS_PER_PAIR_EVERY: Duration = Duration::from_secs(60);
/// Failed logins to one account from everywhere: a password is not guessed at this rate. Addresses
/// from which its owner logged in before are not held up by it.
pub const LOGINS_PER_ACCOUNT: u32 = 100;
/// See [`LOGINS_PER_ACCOUNT`].
pub const LOGINS_PER_ACCOUNT_EVERY: Duration = Duration::from_secs(60);
/// Entries of each list of the throttle; when it is full the one that would be forgotten next goes.
pub const THROTTLE_ENTRIES_MAX: usize = 50_000;

/// Keys of all limits of a site together: some 20 MB. When they are full, the limit with most of them loses one.
pub const LIMIT_KEYS_MAX: usize = 200_000;
/// Limits of a site: they are named in its code.
pub const LIMIT_NAMES_MAX: usize = 64;
/// The longest time of a limit: what counts in memory is gone with the process anyway.
pub const LIMIT_PER_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

/// Keys of a ring: what was sealed under one that fell off can no longer be opened.
pub const KEYS_MAX: usize = 8;
/// Bytes of a file of keys: eight lines.
pub const KEY_FILE_BYTES_MAX: u64 = 4096;
/// Bytes that may be sealed: browsers keep 4096 bytes of a cookie, name and base64 included.
pub const SEALED_BYTES_MAX: usize = 2800;
/// Characters of a sealed value: what [`SEALED_BYTES_MAX`] become.
pub const SEALED_CHARS_MAX: usize = 4000;

/// Connections under users' own credentials, of all sessions, unless the site says otherwise: the
/// database has a bound of its own, often 100.
pub const CONNECTIONS_MAX: usize = 64;
/// Such connections of one session.
pub const CONNECTIONS_PER_SESSION_MAX: usize = 4;
/// Such a connection that is not used for this long is closed.
pub const CONNECTION_IDLE: Duration = Duration::from_secs(15 * 60);
/// What is asked of a user for whom there was no connection left: one goes when somebody leaves.
pub const CONNECTIONS_RETRY_AFTER: Duration = Duration::from_secs(30);
/// Bytes of a connection's or an instance's name.
pub const NAME_BYTES_MAX: usize = 128;

/// Instances of all sessions, unless the site says otherwise.
pub const INSTANCES_MAX: usize = 10_000;
/// Instances of one session.
pub const INSTANCES_PER_SESSION_MAX: usize = 32;
/// Bytes of all instances, as their modules estimate them, unless the site says otherwise.
pub const INSTANCES_BYTES: u64 = 256 * 1024 * 1024;
/// An instance that is not used for this long is dropped.
pub const INSTANCE_IDLE: Duration = Duration::from_secs(3600);
/// The longest that a request waits for an instance that another one has.
pub const INSTANCE_WAIT_MAX: Duration = Duration::from_secs(5);
/// After which time to ask again for an instance that was in use.
pub const INSTANCE_RETRY: Duration = Duration::from_secs(1);
/// Requests that wait for one instance: each holds a worker of the site.
pub const INSTANCE_WAITING_MAX: usize = 128;
