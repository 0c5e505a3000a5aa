/// What is asked of EC2 beside what a launch and a teardown do.
extension EC2Client {
    /// Starting what runs is a success.
    package func startInstances(ids: [String]) async throws {
        guard !ids.isEmpty else { return }
        _ = try await call("StartInstances", ids.numbered("InstanceId"), as: RequestOnly.self)
    }

    /// Stopping what is stopped is a success.
    package func stopInstances(ids: [String]) async throws {
        guard !ids.isEmpty else { return }
        _ = try await call("StopInstances", ids.numbered("InstanceId"), as: RequestOnly.self)
    }

    /// Only while the instance is stopped: `IncorrectInstanceState` else.
    package func modifyInstanceType(id: String, _ type: String) async throws {
        _ = try await call(
            "ModifyInstanceAttribute", [("InstanceId", id), ("InstanceType.Value", type)],
            as: RequestOnly.self)
    }

    /// Deleting what is gone already is a success.
    package func deleteVolume(id: String) async throws {
        do {
            _ = try await call("DeleteVolume", [("VolumeId", id)], as: RequestOnly.self)
        } catch let error as ProviderError where error.code == "InvalidVolume.NotFound" {
            return
        }
    }

    /// Whatever the tags' values are.
    package func deleteTags(resources: [String], keys: [String]) async throws {
        let parameters =
            resources.numbered("ResourceId")
            + keys.enumerated().map { ("Tag.\($0 + 1).Key", $1) }
        _ = try await call("DeleteTags", parameters, as: RequestOnly.self)
    }
}
