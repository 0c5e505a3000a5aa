/// What does not fit in an audit log, and where.
package struct ChainFinding: Sendable, Hashable {
    package enum Kind: String, Sendable {
        /// The entry is not the one that was sealed.
        case changed
        /// The link is there, its entry is not.
        case removed
        /// Links are missing, and their entries with them.
        case linksRemoved = "links_removed"
        /// The link itself was changed; its entry is what was sealed.
        case linkChanged = "link_changed"
        /// Two entries stand in each other's place.
        case reordered
        /// It says that it is older than a sealing that did not find it.
        case insertedLate = "inserted_late"
        /// Older than any sealing takes, and no link seals it.
        case unsealed
        /// The chain does not hold the head that somebody kept.
        case headChanged = "head_changed"
    }

    package var kind: Kind
    /// nil where no link is concerned.
    package var sequence: Int?
    package var entryID: Int?
    /// In words, naming the entry.
    package var text: String
}
