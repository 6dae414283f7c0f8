//! Feeds, robots.txt, sitemap.xml, opensearch.xml.
