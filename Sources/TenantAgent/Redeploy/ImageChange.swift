import CurlHTTP
import TenantProtocol

/// What the labels of an image mean for the service that is to run it.
struct ImageChange: Sendable {
    /// Of the new image; nil for one that reads everything.
    var schema: SchemaRange?
    /// Whether the image that runs reads what the new one makes of the data when it starts.
    var mayGoBack = true
    /// Whether the new container can listen elsewhere than the one that runs, and so beside it.
    var canListenElsewhere = false
    /// Whether the new image reads its secrets from files.
    var readsFiles = false
}

/// Says whether a service may get an image. Nothing here changes anything.
struct ImageCheck: Sendable {
    let installation: Installation
    let docker: DockerEngine
    let service: ServiceName

    /// - Parameters:
    ///   - labels: of the new image
    ///   - running: reference of the image that runs; nil when none does
    /// - Throws: `schemaMismatch`
    func change(
        to image: String, labels: [String: String], variables: [String], from running: String?
    ) async throws -> ImageChange {
        var change = ImageChange()
        change.schema = try SchemaRange.of(labels, image)
        let old = try await runningRange(running)
        let state = try StackState.load(installation.stackStatePath)
        // A stack of an earlier agent has no version on record: what runs has made the data its own.
        let version = state.schemas?[service.container] ?? old?.writes
        try change.schema?.check(version, image)
        if let old, let writes = change.schema?.writes { change.mayGoBack = old.reads(writes) }
        if service == .postgres { try await checkMajorVersion(image, labels, variables) }
        change.canListenElsewhere =
            service == .cloudflared || labels[ImageLabel.listen] == ImageLabel.listenValue
        change.readsFiles = labels[ImageLabel.secrets] == ImageLabel.secretsValue
        return change
    }

    private func runningRange(_ running: String?) async throws -> SchemaRange? {
        guard let running, let labels = try await docker.image(running)?.labels else { return nil }
        return try? SchemaRange.of(labels, running)
    }

    /// PostgreSQL opens only a data directory of its own major version. Source: its manual, "Upgrading a
    /// PostgreSQL Cluster".
    private func checkMajorVersion(
        _ image: String, _ labels: [String: String], _ variables: [String]
    ) async throws {
        guard let major = try await PostgresData.read(docker).majorVersion else { return }
        let variable = variables.first { $0.hasPrefix("PG_MAJOR=") }.map { String($0.dropFirst(9)) }
        guard let offered = labels[ImageLabel.postgresMajor] ?? variable else {
            throw StageFailure(
                .schemaMismatch,
                "\(image) says neither by the label \(ImageLabel.postgresMajor) nor by PG_MAJOR what it runs")
        }
        guard offered == major else {
            throw StageFailure(
                .schemaMismatch, "the data is of PostgreSQL \(major), \(image) runs \(offered)")
        }
    }
}

extension ImageCheck {
    /// For a container that is started without a replacement: its image is checked, and what it makes of the
    /// data is on the disk before it starts.
    static func recordStart(
        of service: Service, _ installation: Installation, _ docker: DockerEngine
    ) async throws {
        guard let labels = try await docker.image(service.spec.image)?.labels,
            let range = try SchemaRange.of(labels, service.spec.image)
        else { return }
        var state = try StackState.load(installation.stackStatePath)
        try range.check(state.schemas?[service.name], service.spec.image)
        guard state.schemas?[service.name] != range.writes else { return }
        state.recordSchema(service.name, range.writes)
        try state.save(installation.stackStatePath)
    }
}
