extension EC2Service {
    func describeVolumes(_ parameters: QueryParameters) async throws -> Content {
        let storage = await fleet.storage
        let ids = parameters.list("VolumeId")
        let filters = try Filters(parameters)
        let candidates = try ids.isEmpty ? storage.visibleVolumes : ids.map { try storage.volume($0) }
        let page = try Page(parameters, ids: ids, candidates.filter { try filters.match($0) }, by: \.ordinal)
        return { xml in
            xml.list("volumeSet", page.elements) { $0.volume($1) }
            xml.nextToken(page.nextToken)
        }
    }

    func deleteVolume(_ parameters: QueryParameters) async throws -> Content {
        try await fleet.deleteVolume(try parameters.required("VolumeId"))
        return { $0.element("return", true) }
    }

    func createSnapshot(_ parameters: QueryParameters) async throws -> Content {
        let tags = try TagSpecifications.tags(parameters, for: "snapshot")
        let snapshot = try await fleet.createSnapshot(
            of: try parameters.required("VolumeId"), description: parameters["Description"] ?? "", tags: tags)
        return { [accountID] in $0.snapshot(snapshot, owner: accountID) }
    }

    func describeSnapshots(_ parameters: QueryParameters) async throws -> Content {
        let storage = await fleet.storage
        let ids = parameters.list("SnapshotId")
        let filters = try Filters(parameters)
        let candidates = try ids.isEmpty ? storage.visibleSnapshots : ids.map { try storage.snapshot($0) }
        let matching = try candidates.filter { try filters.match($0, owner: accountID) }
        let page = try Page(parameters, ids: ids, matching, by: \.ordinal)
        return { [accountID] xml in
            xml.list("snapshotSet", page.elements) { $0.snapshot($1, owner: accountID) }
            xml.nextToken(page.nextToken)
        }
    }

    func deleteSnapshot(_ parameters: QueryParameters) async throws -> Content {
        try await fleet.deleteSnapshot(try parameters.required("SnapshotId"))
        return { $0.element("return", true) }
    }

    /// Of what can be changed, the instance type: only while the instance is stopped.
    func modifyInstanceAttribute(_ parameters: QueryParameters) async throws -> Content {
        let id = try parameters.required("InstanceId")
        try Self.checkForm(id)
        guard let type = parameters["InstanceType.Value"] ?? parameters["InstanceType"] else {
            throw AWSError("InvalidParameterCombination", "No attributes specified.")
        }
        guard InstanceType.memoryMiB[type] != nil else {
            throw AWSError(
                "InvalidInstanceAttributeValue", "Invalid value '\(type)' for instanceType.")
        }
        guard let instance = await fleet.visible(id) else { throw Fleet.notFound([id]) }
        guard instance.state == .stopped else {
            throw AWSError("IncorrectInstanceState", "The instance '\(id)' is not in the 'stopped' state.")
        }
        await fleet.setType(id, type)
        return { $0.element("return", true) }
    }
}

extension Filters {
    func match(_ volume: Volume) throws -> Bool {
        try match(tags: volume.tags) { name in
            switch name {
            case "volume-id": [volume.id]
            case "status": [volume.state]
            case "size": [String(volume.sizeGiB)]
            case "volume-type": [volume.kind]
            case "snapshot-id": volume.snapshotID.map { [$0] } ?? []
            case "availability-zone": [volume.zone]
            case "attachment.instance-id": volume.instanceID.map { [$0] } ?? []
            case "attachment.device": [volume.deviceName]
            case "attachment.delete-on-termination": [volume.deleteOnTermination ? "true" : "false"]
            default: nil
            }
        }
    }

    func match(_ snapshot: Snapshot, owner: String) throws -> Bool {
        try match(tags: snapshot.tags) { name in
            switch name {
            case "snapshot-id": [snapshot.id]
            case "volume-id": [snapshot.volumeID]
            case "volume-size": [String(snapshot.sizeGiB)]
            case "status": [snapshot.state.rawValue]
            case "description": [snapshot.description]
            case "owner-id": [owner]
            default: nil
            }
        }
    }
}

extension XMLText {
    fileprivate mutating func volume(_ volume: Volume) {
        element("volumeId", volume.id)
        element("size", volume.sizeGiB)
        element("snapshotId", volume.snapshotID ?? "")
        element("availabilityZone", volume.zone)
        element("status", volume.state)
        element("createTime", Timestamp.text(volume.createdAt))
        list("attachmentSet", volume.instanceID.map { [$0] } ?? []) {
            $0.element("volumeId", volume.id)
            $0.element("instanceId", $1)
            $0.element("device", volume.deviceName)
            $0.element("status", "attached")
            $0.element("attachTime", Timestamp.text(volume.createdAt))
            $0.element("deleteOnTermination", volume.deleteOnTermination)
        }
        tagSet(volume.tags)
        element("volumeType", volume.kind)
        element("encrypted", volume.encrypted)
    }

    fileprivate mutating func snapshot(_ snapshot: Snapshot, owner: String) {
        element("snapshotId", snapshot.id)
        element("volumeId", snapshot.volumeID)
        element("status", snapshot.state.rawValue)
        element("startTime", Timestamp.text(snapshot.startedAt))
        element("progress", snapshot.state == .completed ? "100%" : "0%")
        element("ownerId", owner)
        element("volumeSize", snapshot.sizeGiB)
        element("description", snapshot.description)
        tagSet(snapshot.tags)
        element("encrypted", snapshot.encrypted)
    }
}
