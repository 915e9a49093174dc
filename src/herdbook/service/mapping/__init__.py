"""From the history of a source to drafts: rules, groups, versions, and what is said about them."""
