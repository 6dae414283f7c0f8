//! Signatures of minisign: which are taken, and why others are not.

use crate::common::*;

/// A file of the fixtures, made once with minisign; nobody has the secret keys.
fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(source(&format!("site/fixtures/sign/{name}"))).unwrap()
}

fn text() -> String {
    String::from_utf8(fixture("script.sh")).unwrap()
}

const KEYS: &str = "/account/keys";
const SIGN: &str = "/scripts/signed/edit/sign";

/// Adds a key by its file.
fn add_key(client: &mut Client, name: &str) {
    let mut form = client.form(KEYS, KEYS);
    form.set("act", "add")
        .set("label", name)
        .file("file", name, &fixture(name));
    client.submit(&form).is(303);
}

/// The author of a script whose first version is the signed file.
fn author(site: &Site) -> Client {
    site.publish("signed", &text());
    site.as_author()
}

/// Sends a signature of the version; what is wrong with it.
fn sign(client: &mut Client, site: &Site, minisig: &[u8]) -> Page {
    let id: i64 = site.value(
        "SELECT MAX(v.id) FROM versions v JOIN scripts s ON s.id = v.script_id WHERE s.name = 'signed'",
        &[],
    );
    let mut form = client.form(SIGN, SIGN);
    form.set("version", &id.to_string())
        .file("file", "x.minisig", minisig);
    client.submit(&form)
}

on_each! {
    /// Good ones and those of the old kind; all others say why not.
    fn signatures_are_verified(site: &Site) {
        let mut author = author(site);
        sign(&mut author, site, &fixture("good.minisig")).refuses("signature").reads("No maintainer has a key yet");
        add_key(&mut author, "one.pub");
        for (name, why) in [
            ("other-key.minisig", "none of the maintainers'"),
            ("other-file.minisig", "one of another text"),
            ("other-comment.minisig", "one of another text"),
            ("cut.minisig", "no signature of minisign"),
            ("script.sh", "no signature of minisign"),
        ] {
            sign(&mut author, site, &fixture(name)).refuses("signature").reads(why);
            site.anyone().get("/s/signed/1.minisig").is(404);
        }
        for name in ["legacy.minisig", "good.minisig"] {
            sign(&mut author, site, &fixture(name)).is(303);
            let page = site.anyone().get("/s/signed/1.minisig");
            assert_eq!(page.is(200).body.as_bytes(), fixture(name));
        }
        // The bytes are what they were, and the page names the key.
        assert_eq!(site.anyone().get("/s/signed/1").body, text());
        let key = String::from_utf8(fixture("one.pub")).unwrap();
        site.anyone().open("/scripts/signed/").has(key.lines().nth(1).unwrap());
        site.anyone().open("/authors/author").has(key.lines().nth(1).unwrap());
    }

    /// A pasted signature, with the line ends of browsers.
    fn signatures_are_pasted(site: &Site) {
        let mut author = author(site);
        add_key(&mut author, "one.pub");
        let mut form = author.form(SIGN, SIGN);
        let good = String::from_utf8(fixture("good.minisig")).unwrap();
        form.set("signature", &good.replace('\n', "\r\n"));
        author.submit(&form).refuses("version").has(good.lines().nth(1).unwrap());
        let id: i64 = site.value("SELECT latest_id FROM scripts WHERE name = 'signed'", &[]);
        form.set("version", &id.to_string());
        author.submit(&form).is(303);
        form.set("version", "999999");
        author.submit(&form).refuses("version");
    }

    /// A revoked key verifies nothing more, and stays revoked; one of another maintainer does.
    fn keys_are_revoked(site: &Site) {
        let mut author = author(site);
        add_key(&mut author, "one.pub");
        let id: i64 = site.value("SELECT id FROM signing_keys WHERE label = 'one.pub'", &[]);
        site.sign_in("other").post(KEYS, &[("act", "revoke"), ("id", &id.to_string())]).is(409);
        author.post(KEYS, &[("act", "revoke"), ("id", &id.to_string())]).is(303);
        author.open(KEYS).reads("revoked on");
        sign(&mut author, site, &fixture("good.minisig")).refuses("signature").reads("was revoked");
        let one = String::from_utf8(fixture("one.pub")).unwrap();
        author.post(KEYS, &[("act", "add"), ("public_key", &one), ("label", "")]).refuses("public_key");
        // Somebody who helps to maintain it.
        let mut other = site.sign_in("other");
        add_key(&mut other, "two.pub");
        sign(&mut author, site, &fixture("other-key.minisig")).refuses("signature");
        author.post("/scripts/signed/edit/people", &[("act", "invite"), ("alias", "other")]).is(303);
        sign(&mut author, site, &fixture("other-key.minisig")).refuses("signature");
        let script: i64 = site.value("SELECT id FROM scripts WHERE name = 'signed'", &[]);
        other.post("/account/", &[("act", "accept"), ("script", &script.to_string())]).is(303);
        sign(&mut other, site, &fixture("other-key.minisig")).is(303);
    }

    /// What a key signed that was revoked since is said on its page, which no more tells to verify with it.
    fn pages_say_that_a_key_was_revoked(site: &Site) {
        let mut author = author(site);
        add_key(&mut author, "one.pub");
        sign(&mut author, site, &fixture("good.minisig")).is(303);
        site.anyone().open("/scripts/signed/").has("minisign -Vm signed").lacks("was revoked by its owner");
        let id: i64 = site.value("SELECT id FROM signing_keys WHERE label = 'one.pub'", &[]);
        author.post(KEYS, &[("act", "revoke"), ("id", &id.to_string())]).is(303);
        let page = site.anyone().open("/scripts/signed/");
        page.reads("was revoked by its owner").lacks("minisign -Vm");
        // Whoever has the same key, and nothing to do with the script, revokes it for himself.
        site.publish("free", "#!/bin/sh\necho free\n");
        let sql = "UPDATE versions SET signature = 'x', signing_key = 'RWQsomebody' WHERE id = \
                   (SELECT latest_id FROM scripts WHERE name = 'free')";
        site.execute(sql, &[]);
        let sql = "INSERT INTO signing_keys (account_id, key_id, public_key, label, created_at, revoked_at) \
                   VALUES (?, 'ABCDEF0123456789', 'RWQsomebody', '', 1, 2)";
        site.execute(sql, &[site.id_of("other").into()]);
        site.anyone().open("/scripts/free/").lacks("was revoked by its owner").has("minisign -Vm free");
    }

    /// What is no key is refused; the field says so.
    fn keys_that_are_none(site: &Site) {
        let mut author = site.as_author();
        for typed in ["", "RWx", "untrusted comment: x\n", "ssh-ed25519 AAAA"] {
            let page = author.post(KEYS, &[("act", "add"), ("public_key", typed), ("label", "<x>")]);
            page.refuses("public_key").has("value=\"&lt;x&gt;\"");
        }
        author.post(KEYS, &[("act", "steal")]).is(422);
        assert_eq!(site.count("signing_keys k JOIN accounts a ON a.id = k.account_id WHERE a.alias = 'author'"), 0);
    }

    /// A signature goes with the text that it is of.
    fn a_draft_with_another_text_is_not_signed(site: &Site) {
        site.publish("signed", "#!/bin/sh\necho first\n");
        let mut author = site.as_author();
        add_key(&mut author, "one.pub");
        let here = "/scripts/signed/edit/version";
        let mut form = author.form(here, here);
        form.file("file", "script.sh", &fixture("script.sh"));
        let page = author.submit(&form);
        let path = page.is(303).location().to_owned();
        sign(&mut author, site, &fixture("good.minisig")).is(303);
        let signed = || site.count("versions WHERE signature IS NOT NULL AND number IS NULL");
        assert_eq!(signed(), 1);
        let mut form = author.form(&path, &path);
        form.set("changelog", "The same text").set("act", "save");
        author.submit(&form).is(303);
        assert_eq!(signed(), 1);
        form.set("source", "#!/bin/sh\necho other\n");
        author.submit(&form).is(303);
        assert_eq!(signed(), 0);
    }
}
