//! The first start of a site.

use crate::common::*;

const TOLD: &str = "The administrator of this site is \"admin\", with the password ";

/// The password that a start tells.
fn told(site: &Site) -> Option<String> {
    let log = site.log();
    let lines: Vec<&str> = log
        .iter()
        .filter_map(|line| line.strip_prefix(TOLD))
        .collect();
    assert!(lines.len() < 2, "{log:#?}");
    lines.first().map(|line| (*line).to_owned())
}

on_each! {
    unstarted fn the_first_start_tells_a_password_and_the_second_nothing(site: &Site) {
        site.start(&[]);
        let password = told(site).expect("a password");
        assert_eq!(password.len(), 20);
        // Nobody else can sign in yet.
        assert_eq!(site.count("accounts WHERE password IS NOT NULL"), 1);

        let mut admin = site.anyone();
        let mut form = admin.form("/sign-in", "/sign-in");
        form.set("alias", "admin").set("password", "not the password");
        admin.submit(&form).refuses("alias");
        admin.sign_in("admin", &password);
        // It has to be changed before anything else.
        for path in ["/account/", "/admin/", "/review/", "/submit"] {
            admin.get(path).is(303).says("location", "/account/password");
        }
        admin.open("/");
        let mut form = admin.form("/account/password", "/account/password");
        form.set("current", &password).set("password", PASSWORD).set("again", PASSWORD);
        let changed = admin.submit(&form);
        assert!(!admin.follow(&changed).flashes().is_empty());
        admin.get("/admin/").is(200);

        site.stop();
        site.start(&[]);
        assert_eq!(told(site), None);
        let mut form = site.anyone().form("/sign-in", "/sign-in");
        form.set("alias", "admin").set("password", &password);
        site.anyone().submit(&form).refuses("alias");
        site.as_admin().get("/admin/").is(200);
    }

    unstarted fn the_first_start_has_scripts_to_show(site: &Site) {
        site.start(&[]);
        let names: Vec<String> = std::fs::read_dir(source("seeds")).unwrap()
            .map(|entry| entry.unwrap()).filter(|entry| entry.path().is_dir())
            .map(|entry| entry.file_name().into_string().unwrap()).collect();
        assert!(names.len() >= 12);
        assert_eq!(site.count("scripts WHERE status = 'published'"), names.len() as i64);
        let mut visitor = site.anyone();
        let first = visitor.open("/");
        let shown = names.iter().filter(|name| first.body.contains(&format!("\"/scripts/{name}/\"")));
        assert!(shown.count() >= 10, "{}", first.body);
        for name in &names {
            let page = visitor.open(&format!("/scripts/{name}/"));
            page.has(name).has("<pre");
            // What is shown is what is in the repository, byte by byte.
            let folder = source("seeds").join(name);
            let latest = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())
                .filter(|path| path.extension().is_some_and(|end| end != "md" && end != "toml" && end != "minisig"))
                .max().unwrap();
            let raw = visitor.get(&format!("/s/{name}"));
            assert_eq!(raw.is(200).body, std::fs::read_to_string(latest).unwrap(), "{name}");
        }
    }

    unstarted fn a_site_may_begin_without_seeds(site: &Site) {
        let settings = site.dir().join("site.toml");
        let text = std::fs::read_to_string(&settings).unwrap().replace("seed = true", "seed = false");
        assert!(text.contains("seed = false"));
        std::fs::write(&settings, text).unwrap();
        site.start(&[]);
        assert!(told(site).is_some());
        assert_eq!(site.count("scripts"), 0);
        assert!(site.count("categories") >= 3 && site.count("languages") >= 10);
        site.anyone().open("/").has("/browse/");
        site.anyone().open("/browse/");
    }
}
