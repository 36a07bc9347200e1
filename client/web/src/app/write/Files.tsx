/** Photos, films, sounds and files of the report that is written. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import { say, size } from "../../languages/messages.ts";
import { Button, FileButton, Notice, Switch } from "../controls.tsx";
import { type ChosenFile, files, isStripped, MAX_FILES } from "../draft.ts";
import { CROSS, FILE, FILM, Icon, PHOTO, SOUND } from "../icons.tsx";
import { emptied, isTooMany, strip, take, takeOut } from "./choosing.ts";

export function Files() {
  const list = useRef<HTMLUListElement>(null);
  const shown = useRef(files.value.length);
  useEffect(() => {
    // On a small screen the list stands below what was tapped.
    if (files.value.length > shown.current) {
      list.current?.lastElementChild?.scrollIntoView({ block: "nearest" });
    }
    shown.current = files.value.length;
  }, [files.value.length]);
  return (
    <fieldset class="group">
      <legend>{say("write.files")}</legend>
      <div class="file-buttons">
        <FileButton
          label={say("write.photo")}
          accept="image/*"
          capture="environment"
          onFiles={take}
        >
          <Icon path={PHOTO} />
        </FileButton>
        <FileButton label={say("write.film")} accept="video/*" capture="environment" onFiles={take}>
          <Icon path={FILM} />
        </FileButton>
        <FileButton
          label={say("write.sound")}
          accept="audio/*"
          capture="environment"
          onFiles={take}
        >
          <Icon path={SOUND} />
        </FileButton>
        <FileButton label={say("write.file")} isMultiple onFiles={take}>
          <Icon path={FILE} />
        </FileButton>
      </div>
      {emptied.value.map((name) => (
        <Notice kind="warn" key={name}>
          {say("write.file.emptied", { name })}
        </Notice>
      ))}
      {isTooMany.value && (
        <Notice kind="warn">{say("write.file.tooMany", { count: MAX_FILES })}</Notice>
      )}
      {files.value.length > 0 && (
        <>
          <ul class="files" ref={list}>
            {files.value.map((chosen) => (
              <OneFile key={chosen.key} chosen={chosen} />
            ))}
          </ul>
          <Switch
            label={say("write.strip")}
            hint={say("write.strip.hint")}
            isOn={isStripped.value}
            onChange={strip}
          />
        </>
      )}
    </fieldset>
  );
}

function OneFile({ chosen }: { readonly chosen: ChosenFile }) {
  const { file, renditions } = chosen;
  return (
    <li class="file">
      <Thumbnail picture={renditions?.thumbnail ?? null} />
      <div class="file-words">
        <span class="file-name">
          <bdi>{file.name}</bdi>
        </span>
        <small>
          {size(file.size)}
          {renditions === null && ` · ${say("write.file.reading")}`}
          {renditions !== null && renditions.thumbnail === null && ` · ${say("write.file.plain")}`}
        </small>
        {isStripped.value && renditions !== null && (
          <small class={chosen.bare === null ? "warning" : ""}>
            {say(chosen.bare === null ? "write.file.notBare" : "write.file.bare")}
          </small>
        )}
      </div>
      <Button kind="quiet" onPress={() => takeOut(chosen.key)}>
        <Icon path={CROSS} />
        <span class="unseen">
          {say("remove")} {file.name}
        </span>
      </Button>
    </li>
  );
}

/** Shown from memory, and let go of as soon as it is not shown. */
function Thumbnail({ picture }: { readonly picture: Blob | null }) {
  const address = useMemo(() => (picture === null ? "" : URL.createObjectURL(picture)), [picture]);
  useEffect(() => () => URL.revokeObjectURL(address), [address]);
  if (picture === null) {
    return (
      <span class="thumbnail">
        <Icon path={FILE} />
      </span>
    );
  }
  return <img class="thumbnail" src={address} alt="" />;
}
