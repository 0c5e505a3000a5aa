import Logging
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Instances that really boot: one container each, with systemd, cloud-init and a Docker daemon inside.
struct DockerDriver: InstanceDriver {
    /// Marks a container with the name of the cloud that it belongs to.
    static let label = "localcloud"
    /// How long a new instance's systemd may take to answer.
    static let bootLimit = Duration.seconds(120)

    private let name: String
    private let network: String
    private let images: [String: MachineImage]
    private let logger: Logger

    init(settings: Settings) {
        name = settings.name
        network = settings.bridge
        images = settings.images
        logger = settings.logger
    }

    func removeLeftovers() async throws {
        let mine = ["--filter", "label=\(Self.label)=\(name)"]
        for (list, remove) in [
            (["ps", "-aq"], ["rm", "-f", "-v"]), (["images", "-q"], ["rmi", "-f"]),
            (["volume", "ls", "-q"], ["volume", "rm", "-f"]),
        ] {
            let listed = try await ProcessRunner.check("docker", list + mine)
            let ids = Set(listed.split(separator: "\n").map(String.init)).sorted()
            guard !ids.isEmpty else { continue }
            logger.info("removing leftovers", metadata: ["what": "\(list[0])", "count": "\(ids.count)"])
            _ = try await ProcessRunner.check("docker", remove + ids)
        }
    }

    func launch(_ instance: Instance, agentRegistered: @escaping @Sendable () async -> Void) async throws {
        guard var image = images[instance.imageID]?.dockerImage else {
            throw DriverError(description: "no Docker image for \(instance.imageID)")
        }
        // An anonymous volume carries the inner Docker's storage: overlay2 does not work on overlay2.
        var volume = Self.innerStorage
        if let snapshot = instance.snapshotID {
            image = snapshotImage(snapshot)
            volume = "\(container(instance.id)):\(Self.innerStorage)"
            try await copyVolume(container(snapshot), to: container(instance.id), with: image)
        }
        _ = try await ProcessRunner.check("docker", runArguments(instance, image: image, volume: volume))
        Task { await awaitAgent(instance, agentRegistered) }
    }

    /// Measured to boot systemd, cloud-init and an inner Docker without full privileges; the image's own
    /// entry makes the cgroup mounts writable.
    private func runArguments(_ instance: Instance, image: String, volume: String) -> [String] {
        let memory = InstanceType.memoryMiB[instance.type] ?? 1024
        return [
            "run", "-d", "--name", container(instance.id), "--hostname", instance.hostname,
            "--network", network, "--ip", instance.privateAddress,
            "--dns", "10.255.255.53", "--cgroupns", "private", "--tmpfs", "/run", "--tmpfs", "/run/lock",
            "-m", "\(memory)m", "-v", volume, "--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE",
            "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
            "--security-opt", "systempaths=unconfined", "--device-cgroup-rule", "a *:* rwm",
            "--label", "\(Self.label)=\(name)", "--label", "\(Self.label).instance=\(instance.id)", image,
        ]
    }

    // MARK: Snapshots

    private static let innerStorage = "/var/lib/docker"

    private func snapshotImage(_ id: String) -> String { "\(name)-snapshot:\(id)" }

    /// The container's file system becomes an image, its inner Docker's storage a volume. It is paused
    /// meanwhile, so that both are of one moment; a stopped one needs no pause.
    func snapshot(_ instance: Instance, as id: String) async throws {
        let source = container(instance.id)
        _ = try await ProcessRunner.run("docker", ["pause", source])
        do {
            _ = try await docker(
                "commit", "--pause=false", "--change", "LABEL \(Self.label)=\(name)", source,
                snapshotImage(id))
            let format =
                "{{range .Mounts}}{{if eq .Destination \"\(Self.innerStorage)\"}}{{.Name}}{{end}}{{end}}"
            let volume = try await docker("inspect", "-f", format, source)
            try await copyVolume(
                String(volume.prefix { !$0.isWhitespace }), to: container(id), with: snapshotImage(id))
        } catch {
            _ = try? await ProcessRunner.run("docker", ["unpause", source])
            throw error
        }
        _ = try await ProcessRunner.run("docker", ["unpause", source])
    }

    func deleteSnapshot(_ id: String) async {
        _ = try? await ProcessRunner.run("docker", ["rmi", "-f", snapshotImage(id)])
        _ = try? await ProcessRunner.run("docker", ["volume", "rm", "-f", container(id)])
    }

    /// - Parameter image: any that has `cp`.
    private func copyVolume(_ source: String, to target: String, with image: String) async throws {
        _ = try await docker("volume", "create", "--label", "\(Self.label)=\(name)", target)
        // Trusted extended attributes, which overlay2 needs, can be read and set with SYS_ADMIN only.
        _ = try await docker(
            "run", "--rm", "--cap-add", "SYS_ADMIN", "--network", "none", "--label",
            "\(Self.label)=\(name)",
            "-v", "\(source):/from:ro", "-v", "\(target):/to", "--entrypoint", "cp", image,
            "-a", "/from/.", "/to/")
    }

    private func container(_ id: String) -> String { "\(name)-\(id)" }

    /// The SSM agent starts with systemd: the instance can be commanded once systemd takes orders.
    private func awaitAgent(_ instance: Instance, _ registered: @Sendable () async -> Void) async {
        let deadline = ContinuousClock.now.advanced(by: Self.bootLimit)
        while ContinuousClock.now < deadline {
            let probe = try? await ProcessRunner.run(
                "docker", ["exec", container(instance.id), "systemctl", "is-system-running"])
            let answer = probe?.output.split(separator: "\n").first ?? ""
            if ["initializing", "starting", "running", "degraded"].contains(answer) {
                return await registered()
            }
            if probe?.error.contains("No such container") == true { return }
            try? await Task.sleep(for: .milliseconds(500))
        }
        logger.warning("systemd does not answer", metadata: ["instance": "\(instance.id)"])
    }

    func terminate(_ instance: Instance) async throws {
        let result = try await ProcessRunner.run("docker", ["rm", "-f", "-v", container(instance.id)])
        guard result.status == 0 || result.error.contains("No such container") else {
            throw DriverError(description: "docker rm failed: \(result.error)")
        }
        guard instance.snapshotID != nil else { return }
        _ = try await docker("volume", "rm", "-f", container(instance.id))
        // A snapshot that was deleted meanwhile left its image without a name, for this container.
        _ = try await docker("image", "prune", "--force", "--filter", "label=\(Self.label)=\(name)")
    }

    func stop(_ instance: Instance) async throws {
        _ = try await docker("stop", "-t", "20", container(instance.id))
    }

    /// Its type may be another than at its launch.
    func start(_ instance: Instance) async throws {
        let memory = InstanceType.memoryMiB[instance.type] ?? 1024
        _ = try await docker(
            "update", "--memory", "\(memory)m", "--memory-swap", "\(2 * memory)m", container(instance.id))
        _ = try await docker("start", container(instance.id))
    }

    func reboot(_ instance: Instance) async throws {
        _ = try await docker("restart", "-t", "20", container(instance.id))
    }

    func console(_ instance: Instance) async -> String {
        let log = try? await ProcessRunner.run("docker", ["logs", container(instance.id)])
        let cloudInit = try? await ProcessRunner.run(
            "docker",
            ["exec", container(instance.id), "tail", "-c", "60000", "/var/log/cloud-init-output.log"])
        return (log?.output ?? "") + (log?.error ?? "")
            + (cloudInit?.status == 0 ? cloudInit?.output ?? "" : "")
    }

    /// `timeout` inside the instance ends the script there; ending `docker exec` outside would not.
    func run(_ script: ShellScript, on instance: Instance) async -> ScriptResult {
        var arguments = ["exec"]
        if let directory = script.workingDirectory { arguments += ["-w", directory] }
        let seconds = script.timeout.components.seconds
        arguments += [
            container(instance.id), "timeout", "-k", "5", String(seconds), "/bin/sh", "-c", script.text,
        ]
        let started = ContinuousClock.now
        guard let result = try? await ProcessRunner.run("docker", arguments) else {
            return ScriptResult(ending: .undeliverable, exitCode: -1, output: "", error: "")
        }
        let isOver = started.duration(to: .now) >= script.timeout && [124, 137].contains(result.status)
        return ScriptResult(
            ending: isOver ? .timedOut : .exited, exitCode: isOver ? -1 : result.status,
            output: result.output,
            error: result.error)
    }

    private func docker(_ arguments: String...) async throws -> String {
        try await ProcessRunner.check("docker", arguments)
    }
}
