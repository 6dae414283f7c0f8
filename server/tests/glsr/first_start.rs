//! The first start of a site.

use crate::common::*;

on_each! {
    fn the_seeds_are_shown(site: &Site) {
        let page = site.anyone().open("/");
        page.has("/scripts/with-lock/");
        assert!(site.as_admin().is_signed_in());
        assert_eq!(site.publish("tidy", "#!/bin/sh\necho tidy\n"), 1);
        assert_eq!(site.publish("tidy", "#!/bin/sh\necho tidier\n"), 2);
        site.anyone().open("/").has("/scripts/tidy/");
    }
}
