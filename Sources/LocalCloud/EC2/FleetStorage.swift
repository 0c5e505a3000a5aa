import Logging

/// Snapshots of instances' volumes, with the work behind them.
extension Fleet {
    /// A point in time: what happens to the instance afterwards waits for the copy.
    func createSnapshot(
        of volumeID: String, description: String, tags: [String: String]
    ) throws -> Snapshot {
        let volume = try storage.volume(volumeID)
        let snapshot = storage.beginSnapshot(
            of: volume, description: description, tags: tags,
            visibleAt: Visibility.instant(lag: consistencyDelay))
        afterEarlierWork(on: volume.instanceID ?? volumeID) { await self.copy(volume, to: snapshot.id) }
        return snapshot
    }

    private func copy(_ volume: Volume, to id: String) async {
        do {
            guard let owner = volume.instanceID, let instance = instance(owner) else {
                throw DriverError(description: "\(volume.id) has no instance whose content could be kept")
            }
            try await driver.snapshot(instance, as: id)
            storage.endSnapshot(id, .completed)
        } catch {
            logger.error("snapshot failed", metadata: ["snapshot": "\(id)", "error": "\(error)"])
            storage.endSnapshot(id, .error)
        }
    }

    func deleteSnapshot(_ id: String) throws {
        try storage.deleteSnapshot(id)
        afterEarlierWork(on: id) { await self.driver.deleteSnapshot(id) }
    }

    func deleteVolume(_ id: String) throws { try storage.deleteVolume(id) }

    // MARK: Tags

    /// Changes the tags of every resource, or of none when one is missing.
    func changeTags(_ ids: [String], _ change: @Sendable (inout [String: String]) throws -> Void) throws {
        var changed: [(id: String, tags: [String: String])] = []
        for id in ids {
            var tags = try tags(id)
            try change(&tags)
            guard tags.count <= TagSpecifications.maximumTags else {
                throw AWSError(
                    "TagLimitExceeded",
                    "The maximum number of tags for a resource is \(TagSpecifications.maximumTags)")
            }
            changed.append((id, tags))
        }
        for (id, tags) in changed { setTags(id, tags) }
    }

    private func tags(_ id: String) throws -> [String: String] {
        if id.hasPrefix("sg-") { return try network.group(id).tags }
        if let tags = try storage.tags(id) { return tags }
        guard let instance = visible(id) else { throw Self.notFound([id]) }
        return instance.tags
    }

    /// What `PUT /_localcloud/instances/ID` with `vanish` does: not even a terminated instance stays.
    func forget(_ id: String) async {
        _ = try? change(id, to: .terminate)
        await settled(id)
        remove(id)
    }
}
