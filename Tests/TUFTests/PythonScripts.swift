/// What python-tuf does in the tests: a publisher, and a reader.
enum PythonScripts {
    /// `FOLDER STEP`: makes a repository with all kinds of keys (`create`), or changes root and targets keys (`rotate`).
    static let publisher = """
        import datetime, hashlib, os, pickle, sys
        from securesystemslib.signer import CryptoSigner
        from tuf.api.metadata import (
            DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot, SuccinctRoles, TargetFile, Targets, Timestamp)

        folder, step = sys.argv[1:]
        os.makedirs(folder + "/metadata", exist_ok=True)
        expires = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=30)).replace(microsecond=0)

        def write(name, data):
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(data)

        def target(targets, name, data):
            info = TargetFile.from_data(name, data, ["sha256", "sha512"])
            targets.targets[name] = info
            head, _, tail = name.rpartition("/")
            for digest in info.hashes.values():
                write(os.path.join("targets", head, digest + "." + tail), data)

        def publish(documents, signers):
            snapshot, timestamp = documents["snapshot"], documents["timestamp"]
            for role, document in documents.items():
                if role in ("root", "snapshot", "timestamp"):
                    continue
                document.signatures.clear()
                for signer in signers[role]:
                    document.sign(signer, append=True)
                data = document.to_bytes()
                write(f"metadata/{document.signed.version}.{role}.json", data)
                snapshot.signed.meta[role + ".json"] = MetaFile.from_data(document.signed.version, data, ["sha512"])
            snapshot.signatures.clear()
            for signer in signers["snapshot"]:
                snapshot.sign(signer, append=True)
            data = snapshot.to_bytes()
            write(f"metadata/{snapshot.signed.version}.snapshot.json", data)
            timestamp.signed.snapshot_meta = MetaFile.from_data(snapshot.signed.version, data, ["sha256"])
            timestamp.signatures.clear()
            for signer in signers["timestamp"]:
                timestamp.sign(signer, append=True)
            write("metadata/timestamp.json", timestamp.to_bytes())

        def publish_root(root, *signers):
            root.signatures.clear()
            for signer in signers:
                root.sign(signer, append=True)
            write(f"metadata/{root.signed.version}.root.json", root.to_bytes())

        def ed25519():
            return CryptoSigner.generate_ed25519()

        signers = {
            "root": [ed25519(), CryptoSigner.generate_ecdsa(), CryptoSigner.generate_rsa()],
            "timestamp": [ed25519()], "snapshot": [CryptoSigner.generate_ecdsa()], "targets": [CryptoSigner.generate_rsa()],
            "debian": [ed25519(), ed25519()], "bins": [ed25519()],
        }
        root = Metadata(Root(expires=expires))
        for role in ("root", "timestamp", "snapshot", "targets"):
            for signer in signers[role]:
                root.signed.add_key(signer.public_key, role)
        root.signed.roles["root"].threshold = 2
        root.signed.unrecognized_fields["x-unknown"] = {"ä": ["\\n", "\\"", "\\\\", 1, None, True]}
        targets, debian = Metadata(Targets(expires=expires)), Metadata(Targets(expires=expires))
        role = DelegatedRole("debian", [], 2, True, paths=["debian/*"])
        rest = DelegatedRole("rest", [], 1, False, paths=["*"])
        targets.signed.delegations = Delegations({}, {"debian": role, "rest": rest})
        for signer in signers["debian"]:
            targets.signed.add_key(signer.public_key, "debian")
        targets.signed.add_key(signers["bins"][0].public_key, "rest")
        spread = Metadata(Targets(expires=expires))
        key = signers["bins"][0].public_key
        succinct = SuccinctRoles([key.keyid], 1, 3, "bin")
        spread.signed.delegations = Delegations({key.keyid: key}, succinct_roles=succinct)
        documents = {"targets": targets, "debian": debian, "rest": spread,
            "snapshot": Metadata(Snapshot(expires=expires)), "timestamp": Metadata(Timestamp(expires=expires))}
        signers["rest"] = signers["bins"]
        for name in succinct.get_roles():
            documents[name], signers[name] = Metadata(Targets(expires=expires)), signers["bins"]
        target(targets.signed, "catalog.json", b"catalog")
        target(debian.signed, "debian/2026-11-16.caibx", b"index")
        target(documents[succinct.get_role_for_target("spread")].signed, "spread", b"in a bin")
        publish_root(root, *signers["root"][1:])
        publish(documents, signers)
        if step == "rotate":
            old, new = signers["root"], [ed25519(), ed25519()]
            for signer in old:
                root.signed.revoke_key(signer.public_key.keyid, "root")
            for signer in new:
                root.signed.add_key(signer.public_key, "root")
            root.signed.revoke_key(signers["targets"][0].public_key.keyid, "targets")
            signers["targets"] = [CryptoSigner.generate_ecdsa()]
            root.signed.add_key(signers["targets"][0].public_key, "targets")
            root.signed.version += 1
            publish_root(root, *old[:2], *new)
            target(targets.signed, "catalog.json", b"catalog 2")
            for name in ("targets", "snapshot", "timestamp"):
                documents[name].signed.version += 1
            publish(documents, signers)
        """

    /// `TREE STATE TARGET…`: follows a tree from the first root, or goes on from the state, and prints the targets.
    static let reader = """
        import os, sys
        from urllib.parse import unquote, urlparse
        from tuf.api.exceptions import DownloadHTTPError
        from tuf.ngclient import Updater
        from tuf.ngclient.fetcher import FetcherInterface

        class Folder(FetcherInterface):
            def _fetch(self, url):
                try:
                    with open(unquote(urlparse(url).path), "rb") as f:
                        return iter([f.read()])
                except FileNotFoundError:
                    raise DownloadHTTPError(url, 404)

        tree, state, names = sys.argv[1], sys.argv[2], sys.argv[3:]
        os.makedirs(state + "/targets", exist_ok=True)
        with open(tree + "/metadata/1.root.json", "rb") as f:
            first = f.read()
        updater = Updater(state, f"file://{tree}/metadata/", state + "/targets", f"file://{tree}/targets/",
            fetcher=Folder(), bootstrap=first)
        updater.refresh()
        for name in names:
            info = updater.get_targetinfo(name)
            print(name, open(updater.download_target(info)).read() if info else None)
        """
}
