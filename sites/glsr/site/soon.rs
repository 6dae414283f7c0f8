//! What the framework is about to offer, under the names it will have. Methods of the sdk itself come before
//! these, so this file goes, with its imports, once the sdk has them all.

use std::net::IpAddr;
use std::time::Duration;

use harmonious::prelude::*;
use harmonious::{Db, Hit, SearchIndex, Value};

/// Of requests: translations, limits, the visitor's address.
pub trait RequestSoon {
    fn t(&self, key: &str, values: impl Serialize) -> String;
    fn language(&self) -> &str;
    fn limit(&self, name: &str, key: &str, count: u32, per: Duration) -> Result<()>;
    fn client_address(&self) -> Option<IpAddr>;
}

impl RequestSoon for Request {
    fn t(&self, key: &str, _values: impl Serialize) -> String {
        key.to_owned()
    }

    fn language(&self) -> &str {
        "en"
    }

    fn limit(&self, _name: &str, _key: &str, _count: u32, _per: Duration) -> Result<()> {
        Ok(())
    }

    fn client_address(&self) -> Option<IpAddr> {
        self.client()
    }
}

/// Of databases: filtered searches, statements that need not be waited for.
pub trait DbSoon {
    fn search_where(
        &self,
        index: &SearchIndex,
        words: &str,
        filter: &str,
        values: &[Value],
        limit: u32,
        offset: u32,
    ) -> Result<Vec<Hit>>;
    fn prepare_search(&self, index: &SearchIndex) -> Result<()>;
    fn soon(&self, sql: &str, values: &[Value], once: Option<&str>) -> Result<()>;
}

impl DbSoon for Db<'_> {
    fn search_where(
        &self,
        index: &SearchIndex,
        words: &str,
        filter: &str,
        values: &[Value],
        limit: u32,
        offset: u32,
    ) -> Result<Vec<Hit>> {
        let hits = self.search(index, words, 1_000, 0)?;
        let mut kept = Vec::new();
        for hit in hits {
            let and = if filter.is_empty() { "" } else { " AND " };
            let sql = format!("SELECT 1 AS n FROM search_texts t WHERE t.id = ?{and}{filter}");
            let mut all = vec![hit.key.into()];
            all.extend_from_slice(values);
            if self.query_one(&sql, &all)?.is_some() {
                kept.push(hit);
            }
        }
        Ok(kept
            .into_iter()
            .skip(offset as usize)
            .take(limit as usize)
            .collect())
    }

    fn prepare_search(&self, index: &SearchIndex) -> Result<()> {
        self.search(index, "prepared", 1, 0).map(|_| ())
    }

    fn soon(&self, sql: &str, values: &[Value], _once: Option<&str>) -> Result<()> {
        self.execute(sql, values).map(|_| ())
    }
}

/// Of answers: the tag that conditions of a request are judged by.
pub trait ResponseSoon {
    fn with_etag(self, tag: &str) -> Response;
}

impl ResponseSoon for Response {
    fn with_etag(self, tag: &str) -> Response {
        self.with_header("etag", tag)
    }
}
