import DurableFiles
import TenantProtocol

extension Stack {
    /// The stack as the files on this instance describe it.
    static func load(_ installation: Installation, _ docker: DockerEngine) async throws -> Stack {
        let declaration = try installation.declaration()
        guard let secrets = try installation.secrets() else {
            throw StageFailure(.internalError, "this instance has no secrets yet: it has not been booted")
        }
        let state = try StackState.load(installation.stackStatePath)
        let declared = declaredImages(declaration.stack)
        let images = state.chosen(declared)
        let inForce = declared.merging(images) { _, chosen in chosen }
        return Stack(
            declaration: declaration, secrets: secrets,
            configuration: try TenantConfiguration(installation: installation).current(),
            images: images, ports: state.livePorts(inForce),
            gateway: try await docker.bridgeGateway() ?? "172.17.0.1",
            tenantDataPath: installation.tenantDataPath, secretsPath: installation.containerSecretsPath,
            fileReaders: try await docker.fileReaders(among: inForce.values),
            postgresData: try await PostgresData.read(docker),
            authoritiesPath: Files.exists(installation.authoritiesPath)
                ? installation.authoritiesPath : nil)
    }
}

extension DockerEngine {
    fileprivate func fileReaders(among images: some Sequence<String>) async throws -> Set<String> {
        var readers: Set<String> = []
        for reference in images where try await image(reference)?.readsFiles == true {
            readers.insert(reference)
        }
        return readers
    }
}
