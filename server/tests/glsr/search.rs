//! Search: words, filters, ranks, in the request after the one that publishes.
